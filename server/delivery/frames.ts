import type { Comment } from '../core/comment.ts';
import type { Entry } from '../core/entry.ts';
import type { Refusal } from '../core/errors.ts';
import type { ChannelId, SessionId, ThreadId, UserId } from '../core/ids.ts';
import type { Presence } from '../core/presence.ts';
import type { Channel } from './channels/channel.ts';

/** Where a thread stands for one user and device. */
export interface ThreadHeadFrame {
  readonly threadId: ThreadId;
  readonly kind: 'direct' | 'group';
  readonly epoch: bigint;
  readonly sequence: bigint;
  readonly ordinal: bigint;
  readonly visibleFrom: bigint;
  readonly unread: bigint;
  readonly read: bigint;
  readonly delivered: bigint;
  readonly activityMs: number;
  readonly member: boolean;
}

export type SkipReason = 'window-full' | 'backfill-limit' | 'not-retained' | 'too-slow';

/** How a channel goes, as one delivery class sees it. */
export interface ChannelStats {
  readonly channelId: ChannelId;
  readonly epoch: bigint;
  readonly published: bigint;
  readonly publishedPerSecond: number;
  readonly shownPerSecond: number;
  readonly listeners: number;
}

export type GoodbyeReason =
  | 'draining'
  | 'superseded'
  | 'token-expired'
  | 'heartbeat-missed'
  | 'too-slow'
  | 'protocol'
  | 'signed-out'
  | 'failed'
  | 'handed-over';

export interface Goodbye {
  readonly reason: GoodbyeReason;
  readonly reconnect: boolean;
  readonly delayMs: number;
  readonly jitterMs: number;
  readonly message: string;
}

/** What a session says to its device, in core's words. `rpc/frame-encoder.ts` turns each into bytes. */
export type OutFrame =
  | { readonly type: 'reply'; readonly requestId: bigint; readonly result: ReplyResult }
  | {
      readonly type: 'entries';
      readonly threadId: ThreadId;
      readonly epoch: bigint;
      readonly entries: readonly Entry[];
    }
  | { readonly type: 'user-entries'; readonly entries: readonly Entry[] }
  | {
      readonly type: 'receipt';
      readonly threadId: ThreadId;
      readonly userId: UserId;
      readonly delivered: bigint;
      readonly read: bigint;
    }
  | {
      readonly type: 'receipt-counts';
      readonly threadId: ThreadId;
      readonly counts: readonly { readonly sequence: bigint; readonly delivered: number; readonly read: number }[];
      readonly memberCount: number;
    }
  | { readonly type: 'read'; readonly threadId: ThreadId; readonly read: bigint; readonly unread: bigint }
  | { readonly type: 'presences'; readonly presences: readonly Presence[] }
  | { readonly type: 'typing'; readonly threadId: ThreadId; readonly userId: UserId; readonly active: boolean }
  | { readonly type: 'heads'; readonly heads: readonly ThreadHeadFrame[] }
  | {
      readonly type: 'skipped';
      /** undefined = the user's own log. */
      readonly threadId: ThreadId | undefined;
      readonly from: bigint;
      readonly to: bigint;
      readonly reason: SkipReason;
      /** What was left out is erased once every device has acknowledged it. */
      readonly heldUntilAcknowledged: boolean;
    }
  | {
      readonly type: 'comments';
      readonly channelId: ChannelId;
      readonly epoch: bigint;
      readonly comments: readonly Comment[];
      /** The numbers that it accounts for; 0 = none. */
      readonly from: bigint;
      readonly to: bigint;
      readonly deleted: readonly bigint[];
    }
  | {
      readonly type: 'channel-skipped';
      readonly channelId: ChannelId;
      readonly from: bigint;
      readonly to: bigint;
      readonly reason: SkipReason;
    }
  | { readonly type: 'channel'; readonly channel: Channel }
  | { readonly type: 'channel-stats'; readonly stats: ChannelStats }
  | { readonly type: 'caught-up'; readonly resumeToken: Uint8Array; readonly userSequence: bigint }
  | { readonly type: 'heartbeat-reply'; readonly nowMs: number; readonly resumeToken: Uint8Array }
  | {
      readonly type: 'welcome';
      readonly sessionId: SessionId;
      readonly userId: UserId;
      readonly nowMs: number;
      readonly tokenExpiresMs: number;
      readonly heartbeatIntervalMs: number;
      readonly resumed: boolean;
      readonly userEpoch: bigint;
      readonly limits: SessionLimits;
    }
  | { readonly type: 'goodbye'; readonly goodbye: Goodbye };

export type ReplyResult =
  | { readonly kind: 'done' }
  | {
      readonly kind: 'sent';
      readonly threadId: ThreadId;
      readonly sequence: bigint;
      readonly ordinal: bigint;
      readonly epoch: bigint;
      readonly createTimeMs: number;
      readonly duplicate: boolean;
    }
  | {
      readonly kind: 'commented';
      readonly channelId: ChannelId;
      readonly number: bigint;
      readonly epoch: bigint;
      readonly createTimeMs: number;
      readonly duplicate: boolean;
    }
  | { readonly kind: 'reauthenticated'; readonly tokenExpiresMs: number }
  | { readonly kind: 'error'; readonly refusal: Refusal };

/** Bounds of a session; told in Welcome. */
export interface SessionLimits {
  readonly windowEntries: number;
  readonly windowBytes: number;
  readonly contentBytes: number;
  readonly backfillEntries: number;
  readonly framesInFlight: number;
}

/**
 * Turns a frame into the bytes that stand for it in a message of the stream: several, one behind another, are one message.
 * So a frame for many sessions is encoded once.
 */
export type FrameEncoder = (frame: OutFrame) => Buffer;

/** Where a session writes. */
export interface Sink {
  /** Hands one message over. False = the peer is behind: wait for `drained` before the next. */
  write(message: Buffer): boolean;
  /** Calls back when the next one on the way to the peer has read what was written until now. May never be called. */
  whenArrived(onArrived: () => void): void;
  /**
   * Ends the stream after what was written, with the status that the reason stands for. A peer that does not take it in a time that
   * the sink sets is broken off.
   */
  end(goodbye: Goodbye, refusal: Refusal | undefined): void;
  /** Breaks the stream off: for a peer that reads nothing. */
  destroy(): void;
}
