import type { UserEntry } from '#proto/parley/v1/account.ts';
import type { Entry } from '#proto/parley/v1/entry.ts';
import type { Presence } from '#proto/parley/v1/presence.ts';
import type { Channel } from '#proto/parley/v1/channel_service.ts';
import type {
  ChannelStats,
  CommentBatch,
  ReadAdvanced,
  ReceiptCounts,
  SendResult,
  SkipReason,
  TypingChanged,
} from '#proto/parley/v1/stream_service.ts';
import type { Message, ThreadHead } from '#proto/parley/v1/thread.ts';
import type { ConnectionState } from './connection-state.ts';
import type { Draft } from './draft.ts';
import type { ParleyError } from './errors.ts';

/** What a client tells, by name. */
export interface ClientEvents {
  /** An entry of a thread, each once and in the order of sequences, the user's own among them. */
  entry: { threadId: string; epoch: bigint; entry: Entry };
  /** A message that is new (`added`), or another than it was: edited, deleted, reacted to. */
  message: { threadId: string; message: Message; added: boolean };
  /** A thread's log is another one (a restored server): drop what was kept of it; entries come again from its start. */
  restarted: { threadId: string; epoch: bigint };
  /** Where threads stand: heads and unread counts, before the entries. */
  heads: readonly ThreadHead[];
  /**
   * Entries were left out of the stream. `fetched`: they follow as `entry` (with `skipped: 'fetch'`, and of a thread that keeps them only until
   * they are acknowledged); else they are in history.
   */
  skipped: { threadId: string; from: bigint; to: bigint; reason: SkipReason; fetched: boolean };
  /** Somebody's position grew (direct threads), or a group's counts did. Ask `ticks`. */
  receipt:
    | { threadId: string; userId: string; deliveredSequence: bigint; readSequence: bigint; counts?: undefined }
    | { threadId: string; counts: ReceiptCounts; userId?: undefined };
  /** The user's own read position grew, here or on another device. */
  read: ReadAdvanced;
  /** Someone watched came or went. */
  presence: readonly Presence[];
  /** Someone began or stopped to type. */
  typing: TypingChanged;
  /** Comments of a channel, each number of an epoch once. */
  comments: CommentBatch;
  /** A channel that is heard: when it begins to be, and when something of it has changed. */
  channel: Channel;
  /** How a channel goes, at most once a second. */
  channelStats: ChannelStats;
  /** Comments of a channel were left out. */
  commentsSkipped: { channelId: string; from: bigint; to: bigint };
  /** An entry of the user's own log, each once and in order. */
  userEntry: UserEntry;
  /** The connection's state, at every change. */
  connection: ConnectionState;
  /** Everything that changed before the stream opened was told; it is live. */
  caughtUp: { sessionId: string; resumed: boolean };
  /** A draft was taken in, by `send` or from the store: it waits to be sent. */
  draft: Draft;
  /** A draft is durable on the server: also those that an earlier process left in the store. */
  sent: { draft: Draft; result: SendResult };
  /** A draft was refused for good. */
  sendFailed: { draft: Draft; error: ParleyError };
}
