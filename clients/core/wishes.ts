import type { Channel } from '#proto/parley/v1/channel_service.ts';
import type { CommentBatch, DeliveryClass, Skipped, Subscribe } from '#proto/parley/v1/stream_service.ts';
import { Backoff } from './backoff.ts';
import { ChannelAccount } from './channel-account.ts';
import { isForNow, type ParleyError } from './errors.ts';
import type { Runtime, Timer } from './runtime.ts';
import type { Outcome, Session } from './session.ts';

/** How much of a channel to hear. */
export const DELIVERY_CLASS = {
  everything: 1 satisfies DeliveryClass.DELIVERY_CLASS_EVERYTHING,
  sampled: 2 satisfies DeliveryClass.DELIVERY_CLASS_SAMPLED,
  latest: 3 satisfies DeliveryClass.DELIVERY_CLASS_LATEST,
} as const;

export interface ChannelWish {
  readonly delivery: keyof typeof DELIVERY_CLASS;
  /** For `sampled`: comments a second, 1–100; undefined = the server's default. */
  readonly maxRate?: number;
}

interface Wish {
  readonly subscribe: Subscribe;
  /** Of a channel. */
  readonly account: ChannelAccount;
  /** When to ask again what was refused for now: within a minute, or somewhat after the time that the server said. */
  readonly backoff: Backoff;
  timer: Timer | undefined;
}

/** What the session is to hear; said again on every new stream, and on the same one when it was refused for now. */
export class Wishes {
  readonly #wished = new Map<string, Wish>();
  /** By channel, the epoch that a stream tells of: two of them may be apart. */
  readonly #epochs = new WeakMap<Session, Map<string, bigint>>();
  readonly #runtime: Runtime;
  #watched: string[] = [];
  #session: Session | undefined;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  use(session: Session): void {
    this.stop();
    this.#session = session;
    const requests = [...this.#wished].map(([key, wish]) => {
      wish.backoff.reset();
      return this.#request(session, key, wish);
    });
    session.requestAll(requests);
    if (this.#watched.length > 0) session.say({ $case: 'watchPresence', value: { userIds: this.#watched } });
  }

  /** Nothing is asked again on a stream that is over. */
  pause(): void {
    if (this.#session?.isOpen !== true) this.stop();
  }

  /** Nothing is asked any more until the next stream. */
  stop(): void {
    this.#session = undefined;
    for (const wish of this.#wished.values()) wish.timer?.cancel();
  }

  thread(threadId: string): Promise<void> {
    return this.#subscribe(`thread:${threadId}`, {
      target: { $case: 'threadId', value: threadId },
      deliveryClass: 0,
      maxRate: 0,
      epoch: 0n,
    });
  }

  hasThread(threadId: string): boolean {
    return this.#wished.has(`thread:${threadId}`);
  }

  channel(channelId: string, wish: ChannelWish): Promise<void> {
    return this.#subscribe(`channel:${channelId}`, {
      target: { $case: 'channelId', value: channelId },
      deliveryClass: DELIVERY_CLASS[wish.delivery],
      maxRate: wish.maxRate ?? 0,
      epoch: 0n,
    });
  }

  forgetThread(threadId: string): void {
    this.#unsubscribe(`thread:${threadId}`);
  }

  forgetChannel(channelId: string): void {
    this.#unsubscribe(`channel:${channelId}`);
  }

  /** A channel as a stream tells it: another epoch than before counts anew. */
  heard(session: Session, { channelId, epoch, publishedCount }: Channel): void {
    const epochs = this.#epochs.get(session) ?? new Map<string, bigint>();
    this.#epochs.set(session, epochs.set(channelId, epoch));
    this.#wished.get(`channel:${channelId}`)?.account.begin(epoch, publishedCount);
  }

  /** What of the batch is news; undefined = nothing. */
  comments(batch: CommentBatch): CommentBatch | undefined {
    return this.#wished.get(`channel:${batch.channelId}`)?.account.take(batch);
  }

  /** What of the numbers that a stream left out is news; undefined = nothing. */
  skipped(session: Session, channelId: string, { from, to }: Pick<Skipped, 'from' | 'to'>) {
    const epoch = this.#epochs.get(session)?.get(channelId);
    return epoch === undefined ? undefined : this.#wished.get(`channel:${channelId}`)?.account.skip(epoch, from, to);
  }

  /** Rejects with LIMIT_REACHED and the like; while there is no stream it is only noted. */
  watch(userIds: readonly string[]): Promise<void> {
    this.#watched = [...userIds];
    return this.#ask({ $case: 'watchPresence', value: { userIds: this.#watched } });
  }

  #subscribe(key: string, subscribe: Subscribe): Promise<void> {
    // Another class of the same channel goes on where the one before was.
    const before = this.#wished.get(key);
    before?.timer?.cancel();
    const account = before?.account ?? new ChannelAccount();
    const wish = { subscribe, account, backoff: new Backoff(this.#runtime), timer: undefined };
    this.#wished.set(key, wish);
    return this.#ask(frameOf(wish)).catch((error: unknown) => {
      if (this.#wished.get(key) === wish) this.#wished.delete(key);
      throw error;
    });
  }

  #unsubscribe(key: string): void {
    const wish = this.#wished.get(key);
    if (wish === undefined) return;
    wish.timer?.cancel();
    this.#wished.delete(key);
    if (this.#session?.isOpen !== true) return;
    this.#session.say({ $case: 'unsubscribe', value: { target: wish.subscribe.target } });
  }

  #request(session: Session, key: string, wish: Wish) {
    const done = (outcome: Outcome): void => {
      if (outcome.ok || this.#wished.get(key) !== wish) return;
      // Refused: it is no longer the user's to hear.
      if (isFinal(outcome.error)) this.#wished.delete(key);
      else if (session === this.#session && session.isOpen) {
        const waitMs = wish.backoff.nextMs(outcome.error.retryAfterMs);
        wish.timer = this.#runtime.setTimer(waitMs, () => session.requestAll([this.#request(session, key, wish)]));
      }
    };
    return { frame: frameOf(wish), done };
  }

  /** Resolves when the server took it, or when there is no stream: then the next one begins with it. */
  #ask(frame: Parameters<Session['request']>[0]): Promise<void> {
    const session = this.#session;
    if (session?.isOpen !== true) return Promise.resolve();
    return new Promise((resolve, reject: (error: ParleyError) => void) => {
      session.request(frame, (outcome) => {
        if (outcome.ok || outcome.error.reason === 'CONNECTION_LOST') resolve();
        else reject(outcome.error);
      });
    });
  }
}

function frameOf({ subscribe, account }: Wish): { readonly $case: 'subscribe'; readonly value: Subscribe } {
  return { $case: 'subscribe', value: { ...subscribe, ...account.resume } };
}

/** Whether a refusal holds for good; else it is asked again. */
function isFinal(error: ParleyError): boolean {
  return error.reason !== 'CONNECTION_LOST' && error.reason !== 'LISTENER_CAP' && !isForNow(error);
}
