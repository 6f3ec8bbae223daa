// What the suite of the comment log says and hears.
import { createHash, randomUUID } from 'node:crypto';
import { type Bus, topicOf } from '../../server/bus/bus.ts';
import type { CommentLog, KeepRule, Published } from '../../server/comments/comment-log.ts';
import type { Comment, NewComment } from '../../server/core/comment.ts';
import type { BusEvent } from '../../server/core/event.ts';
import type { ChannelId, UserId } from '../../server/core/ids.ts';
import { until } from '../../platform/wait.ts';

export const ann = 'ann' as UserId;
export const kept: KeepRule = { count: 1_000, forMs: 3_600_000 };

export function newChannel(): ChannelId {
  return `post:${randomUUID()}` as ChannelId;
}

export function comment(text: string, more: Partial<NewComment> = {}): NewComment {
  return {
    senderId: ann,
    clientMessageId: randomUUID(),
    text,
    replyTo: 0n,
    mentions: [],
    moderator: false,
    fingerprint: createHash('sha256').update(text).digest('base64url'),
    slowModeMs: 0,
    ...more,
  };
}

export const comments = (count: number): NewComment[] => Array.from({ length: count }, (_, at) => comment(`c${at}`));
export const upTo = (count: number, from = 1): bigint[] => Array.from({ length: count }, (_, at) => BigInt(at + from));

export function numbersOf(answers: readonly (Published | Comment)[]): (bigint | undefined)[] {
  return answers.map((one) => ('number' in one ? one.number : undefined));
}

/** All that is kept, up to 200. */
export function all(log: CommentLog, channel: ChannelId): Promise<readonly Comment[]> {
  return log.range(channel, { after: 0n, before: 0n, limit: 200, fromEnd: false });
}

export type CommentsEvent = Extract<BusEvent, { type: 'comments' }>;

/** What a node hears of a channel. */
export class ChannelEar {
  readonly events: BusEvent[] = [];

  static async on({ bus }: { readonly bus: Bus }, channel: ChannelId): Promise<ChannelEar> {
    const ear = new ChannelEar();
    await bus.subscribe(topicOf.post(channel), (event) => ear.events.push(event));
    return ear;
  }

  get batches(): CommentsEvent[] {
    return this.events.filter((event) => event.type === 'comments');
  }

  get comments(): Comment[] {
    return this.batches.flatMap((event) => event.comments);
  }

  /** The comments, as soon as there are so many. */
  untilComments(count: number): Promise<Comment[]> {
    const heard = (): Comment[] | undefined => (this.comments.length >= count ? this.comments : undefined);
    return until(heard, { what: `${count} comments to be heard`, withinMs: 20_000 });
  }

  untilEvent(event: BusEvent): Promise<true> {
    const heard = (): true | undefined => {
      const isIt = (one: BusEvent): boolean =>
        Object.entries(event).every(([key, value]) => one[key as never] === value);
      return this.events.some(isIt) || undefined;
    };
    return until(heard, { what: `an event of type ${event.type}`, withinMs: 20_000 });
  }
}
