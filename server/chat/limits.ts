import type { Clock } from '../core/clock.ts';
import { Refusal } from '../core/errors.ts';
import type { ChannelId, ServiceName, UserId } from '../core/ids.ts';
import { Lru } from '../core/lru.ts';

/** What a user may do on one node. `…PerS` is the lasting rate, `…Burst` what may be done at once after a pause. */
export interface LimitsConfig {
  readonly sendsPerS: number;
  readonly sendBurst: number;
  /** New threads: direct ones that were not there, and groups. */
  readonly opensPerS: number;
  readonly openBurst: number;
  readonly typingPerS: number;
  readonly typingBurst: number;
  readonly commentsPerS: number;
  readonly commentBurst: number;
  /** Comments of all users on one channel. */
  readonly channelCommentsPerS: number;
  readonly channelCommentBurst: number;
  /** Calls of one service. */
  readonly servicePerS: number;
  readonly serviceBurst: number;
  /** Users remembered for each kind of limit, about 100 bytes each. The least recently active ones are forgotten: their buckets count as full. */
  readonly users: number;
}

/** What sums of fractions may be off by. */
const rounding = 1e-6;

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Token buckets, one for each user and kind of work, on this node. */
export class Limits {
  readonly #clock: Clock;
  readonly #kinds: { readonly [Kind in Work]: Kept };

  constructor(config: LimitsConfig, clock: Clock) {
    const kept = (perS: number, burst: number): Kept => ({ perS, burst, buckets: new Lru(config.users) });
    this.#clock = clock;
    this.#kinds = {
      send: kept(config.sendsPerS, config.sendBurst),
      open: kept(config.opensPerS, config.openBurst),
      typing: kept(config.typingPerS, config.typingBurst),
      comment: kept(config.commentsPerS, config.commentBurst),
      channel: kept(config.channelCommentsPerS, config.channelCommentBurst),
      repeat: kept(config.commentsPerS, config.commentBurst),
      'channel-repeat': kept(config.channelCommentsPerS, config.channelCommentBurst),
      service: kept(config.servicePerS, config.serviceBurst),
    };
  }

  /** Takes one. @throws Refusal RATE_LIMITED, with the time until there is one again */
  take(userId: UserId | ChannelId | ServiceName, work: Work): void {
    const { perS, burst, buckets } = this.#kinds[work];
    const nowMs = this.#clock.monotonicMs();
    let bucket = buckets.get(userId);
    if (bucket === undefined) {
      bucket = { tokens: burst, atMs: nowMs };
      buckets.set(userId, bucket);
    } else {
      bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) * perS) / 1_000);
      bucket.atMs = nowMs;
    }
    if (bucket.tokens < 1 - rounding) {
      const retryAfterMs = Math.max(1, Math.ceil(((1 - bucket.tokens) * 1_000) / perS - rounding));
      throw new Refusal('RATE_LIMITED', `too much at once: ${names[work]}`, { retryAfterMs });
    }
    bucket.tokens -= 1;
  }
}

export type Work = 'send' | 'open' | 'typing' | 'comment' | 'channel' | 'repeat' | 'channel-repeat' | 'service';

const names = {
  send: 'messages',
  open: 'new threads and channels',
  typing: 'typing signals',
  comment: 'comments',
  channel: 'comments of all on this channel',
  repeat: 'comments',
  'channel-repeat': 'comments of all on this channel',
  service: 'calls of this service',
} as const;

interface Kept {
  readonly perS: number;
  readonly burst: number;
  readonly buckets: Lru<UserId | ChannelId | ServiceName, Bucket>;
}
