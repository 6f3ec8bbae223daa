import type { CommentLog } from '../comments/comment-log.ts';
import type { Change, ChannelRow } from '../core/entry.ts';
import { idReused, Refusal } from '../core/errors.ts';
import { type ChannelId, channelLog, systemUser, type UserId } from '../core/ids.ts';
import { rowKey } from '../core/rows.ts';
import type { Channel } from '../delivery/channels/channel.ts';
import type { Duplicate, Store } from '../store/store.ts';
import type { Appender } from './appender.ts';
import type { Caller } from './caller.ts';
import { maxModerators } from './channel-views.ts';
import { channelClosed, type Channels, type CommentDraft } from './channels.ts';
import { fingerprintOfChange, serviceOf } from './once.ts';

export interface ChannelAdminOptions {
  readonly store: Store;
  readonly appender: Appender;
  readonly comments: CommentLog;
  readonly channels: Channels;
  /** What holds for a channel of which the service says nothing. */
  readonly usual: ChannelRow;
}

/** Undefined = as it is, or for a new channel as is usual. */
export type ChannelSettings = { readonly [Name in Exclude<keyof ChannelRow, 'closed'>]: number | undefined };

export interface Said {
  readonly number: bigint;
  readonly epoch: bigint;
  readonly duplicate: boolean;
}

/**
 * Channels as a service keeps them, whoever moderates them. Each change is an entry of the channel's log that names the service, made once
 * for each request id, and holds at once on this node, within 5 s on the others.
 */
export class ChannelAdmin {
  readonly #options: ChannelAdminOptions;

  constructor(options: ChannelAdminOptions) {
    this.#options = options;
  }

  /** @throws Refusal ID_REUSED when there is such a channel, of another request or by first use */
  async create(caller: Caller, channelId: ChannelId, requestId: string, wanted: ChannelSettings): Promise<Channel> {
    const { store, usual } = this.#options;
    const done = await this.#change(caller, channelId, requestId, ['create', ...partsOf(wanted)], async () => {
      if ((await store.head(channelLog(channelId))) !== undefined) return undefined;
      return { kind: 'channel-changed', ...merged(usual, wanted) };
    });
    if (!done) throw new Refusal('ID_REUSED', 'there is such a channel already: UpdateChannel changes it');
    return this.#options.channels.describe(channelId);
  }

  /** @throws Refusal CHANNEL_NOT_FOUND, ID_REUSED */
  update(caller: Caller, channelId: ChannelId, requestId: string, wanted: ChannelSettings): Promise<Channel> {
    const asked = ['update', ...partsOf(wanted)];
    return this.#set(caller, channelId, requestId, asked, (row) => merged(row, wanted));
  }

  /** @throws Refusal CHANNEL_NOT_FOUND, ID_REUSED */
  setClosed(caller: Caller, channelId: ChannelId, requestId: string, closed: boolean): Promise<Channel> {
    return this.#set(caller, channelId, requestId, ['closed', `${closed}`], (row) => ({ ...row, closed }));
  }

  /** @throws Refusal CHANNEL_NOT_FOUND, LIMIT_REACHED, ID_REUSED */
  async setModerator(
    caller: Caller,
    channelId: ChannelId,
    requestId: string,
    userId: UserId,
    moderator: boolean,
  ): Promise<void> {
    const { store, channels } = this.#options;
    const log = channelLog(channelId);
    await this.#change(caller, channelId, requestId, ['moderator', userId, `${moderator}`], async () => {
      await channels.row(channelId);
      const key = rowKey.moderator(userId);
      const before = (await store.row(log, key))?.value as { readonly moderator: boolean } | undefined;
      if ((before?.moderator ?? false) === moderator) return undefined;
      if (before === undefined) {
        // Rows stay when somebody is a moderator no more, and no more than these are read.
        const rows = await store.rows(log, { prefix: rowKey.moderator(''), limit: maxModerators });
        if (rows.length >= maxModerators) {
          throw new Refusal('LIMIT_REACHED', `at most ${maxModerators} users can be moderators of a channel`);
        }
      }
      return { kind: 'moderator-changed', userId, moderator };
    });
  }

  /**
   * For a user as they would comment themselves; for the system as a moderator whom neither slow mode nor a user's allowance holds up.
   * @throws Refusal CHANNEL_NOT_FOUND, CHANNEL_CLOSED, RESTRICTED, RATE_LIMITED, ID_REUSED, OVERLOADED, STORE_UNAVAILABLE
   */
  async publish(caller: Caller, channelId: ChannelId, draft: CommentDraft): Promise<Said> {
    const { channels, comments } = this.#options;
    if (caller.userId !== systemUser) {
      const { comment, epoch, duplicate } = await channels.publish(caller, channelId, draft);
      return { number: comment.number, epoch, duplicate };
    }
    const { closed, historyCount: count, historyS } = await channels.row(channelId);
    const fingerprint = fingerprintOfChange(draft.text, `${draft.replyTo}`, ...draft.mentions, ...serviceOf(caller));
    const bounds = { slowModeMs: 0, repeatOnly: closed };
    const comment = { senderId: systemUser, ...draft, moderator: true, fingerprint, ...bounds };
    const [said] = await comments.publish(channelId, [comment], { count, forMs: historyS * 1_000 });
    if (said === undefined || said.outcome === 'too-soon')
      throw new Error('one comment without slow mode has one answer');
    if (said.outcome === 'unknown') throw channelClosed();
    if (said.outcome === 'id-reused') throw idReused();
    return { number: said.number, epoch: said.epoch, duplicate: said.outcome === 'duplicate' };
  }

  async #set(
    caller: Caller,
    channelId: ChannelId,
    requestId: string,
    asked: readonly string[],
    change: (row: ChannelRow) => ChannelRow,
  ): Promise<Channel> {
    const { channels } = this.#options;
    await this.#change(caller, channelId, requestId, asked, async () => {
      const before = await channels.row(channelId);
      const after = change(before);
      return isSame(before, after) ? undefined : { kind: 'channel-changed', ...after };
    });
    return channels.describe(channelId);
  }

  /** The id is looked up before anything is judged, and again when there is nothing to change. False = there was nothing, now or then. */
  async #change(
    caller: Caller,
    channelId: ChannelId,
    requestId: string,
    asked: readonly string[],
    build: () => Promise<Change | undefined>,
  ): Promise<boolean> {
    const { store, appender, channels } = this.#options;
    const { userId: senderId, deviceId, signal } = caller;
    const log = channelLog(channelId);
    const fingerprint = fingerprintOfChange(...asked, ...serviceOf(caller));
    const isRepeat = async (): Promise<boolean> => {
      const found = await store.duplicate(log, senderId, requestId, 0n);
      if (found !== undefined) requireSame(found, fingerprint);
      return found !== undefined;
    };
    if (await isRepeat()) return true;
    const ids = { senderId, deviceId, clientMessageId: requestId, fingerprint };
    const result = await appender.appendRows(
      log,
      async () => {
        const change = await build();
        return change === undefined ? [] : [{ ...ids, change }];
      },
      signal,
    );
    channels.changed(channelId);
    if (result === undefined) return isRepeat();
    if (result.outcome === 'duplicate') {
      for (const duplicate of result.duplicates.values()) requireSame(duplicate, fingerprint);
    }
    await channels.tellChanged(channelId);
    return true;
  }
}

function merged(row: ChannelRow, { slowModeS, historyCount, historyS }: ChannelSettings): ChannelRow {
  return {
    closed: row.closed,
    slowModeS: slowModeS ?? row.slowModeS,
    historyCount: historyCount ?? row.historyCount,
    historyS: historyS ?? row.historyS,
  };
}

function partsOf({ slowModeS, historyCount, historyS }: ChannelSettings): string[] {
  return [`${slowModeS}`, `${historyCount}`, `${historyS}`];
}

function isSame(a: ChannelRow, b: ChannelRow): boolean {
  const { closed, slowModeS, historyCount, historyS } = a;
  return closed === b.closed && slowModeS === b.slowModeS && historyCount === b.historyCount && historyS === b.historyS;
}

function requireSame(found: Duplicate, fingerprint: string): void {
  if (found.fingerprint !== fingerprint) throw idReused();
}
