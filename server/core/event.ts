import type { Comment } from './comment.ts';
import type { Entry, Head } from './entry.ts';
import type { ChannelId, DeviceId, LogId, SessionId, ThreadId, UserId } from './ids.ts';
import type { Presence } from './presence.ts';

/** What travels on the bus. Live hints only: each may be lost or repeated; sequences reveal it, the log repairs it. */
export type BusEvent =
  /** New entries of a thread, in order, with the head after the last of them. */
  | {
      readonly type: 'entries';
      readonly threadId: ThreadId;
      readonly head: Head;
      readonly entries: readonly Entry[];
      /** Session the entries were sent from, if one: it has the reply. */
      readonly origin: SessionId | undefined;
    }
  /** New entries of a user's own log. */
  | { readonly type: 'user-entries'; readonly userId: UserId; readonly head: Head; readonly entries: readonly Entry[] }
  /** Positions of a thread that grew, the newest of each user. */
  | { readonly type: 'positions'; readonly threadId: ThreadId; readonly positions: readonly PositionChange[] }
  | {
      readonly type: 'typing';
      readonly threadId: ThreadId;
      readonly userId: UserId;
      readonly active: boolean;
      readonly origin: SessionId | undefined;
    }
  | { readonly type: 'presence'; readonly presence: Presence }
  /** Where logs stand, by a node that could not publish their entries, or that found them further on than it had heard. */
  | { readonly type: 'heads'; readonly heads: readonly LogHead[] }
  /** New comments of a channel, in the order of their numbers, without a hole among them. */
  | {
      readonly type: 'comments';
      readonly channelId: ChannelId;
      readonly epoch: bigint;
      /** At least one. */
      readonly comments: readonly Comment[];
      /** Second of the wall clock in which they were numbered, by the one clock that numbers the channel. */
      readonly second: number;
      /** Comments that were numbered in the second before that. */
      readonly perSecond: number;
    }
  /** A comment was deleted. */
  | { readonly type: 'comment-deleted'; readonly channelId: ChannelId; readonly epoch: bigint; readonly number: bigint }
  /** What holds for a channel, or what is pinned in it, is another now: look. */
  | { readonly type: 'channel-changed'; readonly channelId: ChannelId }
  /** A session of a device opened: an older one of the same device gives way. */
  | {
      readonly type: 'session-opened';
      readonly userId: UserId;
      readonly deviceId: DeviceId;
      readonly sessionId: SessionId;
      /** Wall ms of its opening. Of two, the later one holds; of two at the same ms, the greater id. */
      readonly startMs: number;
      /** The older one lives until the new one has caught up. */
      readonly handOver: boolean;
    }
  /** The new session of a hand-over has caught up. */
  | {
      readonly type: 'session-caught-up';
      readonly userId: UserId;
      readonly deviceId: DeviceId;
      readonly sessionId: SessionId;
    };

export interface LogHead {
  readonly log: LogId;
  readonly head: Head;
}

export interface PositionChange {
  readonly userId: UserId;
  readonly delivered: bigint;
  readonly read: bigint;
  readonly readOrdinal: bigint;
  /** True: the user reads privately, so `read` is for their own devices only. */
  readonly readPrivately: boolean;
  /** Session that made `read` grow, if one: it knows. */
  readonly origin: SessionId | undefined;
}
