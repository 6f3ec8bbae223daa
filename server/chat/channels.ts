import type { Bus } from '../bus/bus.ts';
import { topicOf } from '../bus/bus.ts';
import type { CommentLog } from '../comments/comment-log.ts';
import type { Clock } from '../core/clock.ts';
import type { Comment } from '../core/comment.ts';
import type { Change, ChannelRow } from '../core/entry.ts';
import { channelNotFound, idReused, invalidField, Refusal } from '../core/errors.ts';
import { channelLog, noDevice, systemUser, type ChannelId, type UserId } from '../core/ids.ts';
import { rowKey } from '../core/rows.ts';
import type { Channel, ChannelDirectory } from '../delivery/channels/channel.ts';
import type { Store } from '../store/store.ts';
import type { Appender } from './appender.ts';
import type { Caller } from './caller.ts';
import type { ChannelView, ChannelViews } from './channel-views.ts';
import type { CommentPublisher } from './comment-publisher.ts';
import type { Limits } from './limits.ts';
import { fingerprintOfChange } from './once.ts';
import type { PageTokens } from './page-token.ts';

export interface ChannelsOptions {
  readonly store: Store;
  readonly bus: Bus;
  readonly log: CommentLog;
  readonly publisher: CommentPublisher;
  readonly views: ChannelViews;
  readonly appender: Appender;
  readonly limits: Limits;
  readonly tokens: PageTokens;
  readonly clock: Clock;
  /** What holds for a channel that first use makes; undefined: first use makes none. */
  readonly firstUse: ChannelRow | undefined;
}

/** What a user wants to say. */
export interface CommentDraft {
  readonly clientMessageId: string;
  readonly text: string;
  readonly replyTo: bigint;
  readonly mentions: readonly UserId[];
}

export interface CommentOutcome {
  /** Without who wrote what it answers. */
  readonly comment: Comment;
  readonly epoch: bigint;
  readonly duplicate: boolean;
}

/** Channels and what is said on them: open, publish, list, moderate. */
export class Channels implements ChannelDirectory {
  readonly #options: ChannelsOptions;

  constructor(options: ChannelsOptions) {
    this.#options = options;
  }

  async enter(channelId: ChannelId, userId: UserId): Promise<void> {
    await this.#open(channelId, userId);
  }

  async describe(channelId: ChannelId): Promise<Channel> {
    return this.#describe(channelId, await this.#view(channelId));
  }

  changed(channelId: ChannelId): void {
    this.#options.views.forget(channelId);
  }

  /** @throws Refusal CHANNEL_NOT_FOUND, CHANNEL_CLOSED, RESTRICTED, RATE_LIMITED, ID_REUSED, OVERLOADED, STORE_UNAVAILABLE */
  async publish(
    { userId }: Pick<Caller, 'userId'>,
    channelId: ChannelId,
    draft: CommentDraft,
  ): Promise<CommentOutcome> {
    const { publisher } = this.#options;
    const view = await this.#open(channelId, userId);
    const moderator = view.moderators.has(userId);
    const refusal = await this.#refusalOf(userId, channelId, view);
    if (refusal !== undefined) this.#takeRepeat(userId, channelId);
    const published = await publisher.publish(
      channelId,
      {
        senderId: userId,
        ...draft,
        moderator,
        fingerprint: fingerprintOfChange(draft.text, String(draft.replyTo), ...draft.mentions),
        slowModeMs: moderator ? 0 : view.slowModeS * 1_000,
        repeatOnly: refusal !== undefined,
      },
      { count: view.historyCount, forMs: view.historyS * 1_000 },
    );
    switch (published.outcome) {
      case 'unknown':
        throw refusal ?? new Error('only what is repeatOnly is unknown to the log');
      case 'id-reused':
        throw idReused();
      case 'too-soon': {
        const { retryAfterMs } = published;
        throw new Refusal('RATE_LIMITED', `slow mode: one comment in ${view.slowModeS} s`, { retryAfterMs });
      }
      default: {
        const { number, epoch, createTimeMs, outcome } = published;
        const said = { senderId: userId, ...draft, moderator, replyToSenderId: systemUser, deleted: false };
        return { comment: { number, createTimeMs, ...said }, epoch, duplicate: outcome === 'duplicate' };
      }
    }
  }

  /** Newest first. @throws Refusal CHANNEL_NOT_FOUND, INVALID_TOKEN */
  async list(
    { userId }: Pick<Caller, 'userId'>,
    request: {
      readonly channelId: ChannelId;
      readonly limit: number;
      readonly pageToken: string;
      readonly before: bigint;
    },
  ): Promise<{
    readonly comments: readonly Comment[];
    readonly pinned: bigint;
    readonly epoch: bigint;
    readonly nextPageToken: string;
  }> {
    const { log, tokens } = this.#options;
    const { channelId, limit } = request;
    await this.#view(channelId);
    const scope = ['ListComments', userId, channelId, String(request.before)];
    const place = tokens.read(scope, request.pageToken, 2);
    const { epoch } = await log.count(channelId);
    // Numbers of another epoch lead nowhere: the list ends.
    if (place !== undefined && place[0] !== String(epoch)) {
      return { comments: [], pinned: 0n, epoch, nextPageToken: '' };
    }
    const before = place === undefined ? request.before : BigInt(place[1] ?? '0');
    const range = { after: 0n, before, limit: Math.min(limit + 1, 200), fromEnd: true };
    const [found, pinned] = await Promise.all([log.range(channelId, range), log.pinned(channelId)]);
    const comments = found.slice(Math.max(0, found.length - limit)).toReversed();
    const oldest = comments.at(-1)?.number ?? 0n;
    const more = found.length > comments.length || (limit === 200 && comments.length === limit && oldest > 1n);
    return {
      comments,
      pinned: pinned?.number ?? 0n,
      epoch,
      nextPageToken: more ? tokens.make(scope, [String(epoch), String(oldest)]) : '',
    };
  }

  /** One's own, or any as a moderator. @throws Refusal CHANNEL_NOT_FOUND, COMMENT_NOT_FOUND, ROLE_REQUIRED */
  async delete({ userId }: Pick<Caller, 'userId'>, channelId: ChannelId, number: bigint): Promise<void> {
    const { log } = this.#options;
    const view = await this.#view(channelId);
    if (!view.moderators.has(userId)) {
      const [comment] = await log.range(channelId, {
        after: number - 1n,
        before: number + 1n,
        limit: 1,
        fromEnd: false,
      });
      if (comment === undefined) throw commentNotFound();
      if (comment.senderId !== userId) throw moderatorRequired();
      if (comment.deleted) return;
    }
    if (await log.delete(channelId, number)) return;
    // Deleted before, or not kept any more: it may still be on screens.
    const { epoch, published } = await log.count(channelId);
    if (number > published) throw commentNotFound();
    await this.#options.bus.publish(topicOf.post(channelId), { type: 'comment-deleted', channelId, epoch, number });
  }

  /** 0 = none from now on. @throws Refusal CHANNEL_NOT_FOUND, COMMENT_NOT_FOUND, ROLE_REQUIRED */
  async pin({ userId }: Pick<Caller, 'userId'>, channelId: ChannelId, number: bigint): Promise<Channel> {
    const view = await this.#moderated(channelId, userId);
    if (!(await this.#options.log.pin(channelId, number))) throw commentNotFound();
    return this.#describe(channelId, view);
  }

  /** `untilMs`: wall ms; 0 lifts it. @throws Refusal CHANNEL_NOT_FOUND, ROLE_REQUIRED */
  async restrict(
    { userId: moderator }: Pick<Caller, 'userId'>,
    channelId: ChannelId,
    userId: UserId,
    untilMs: number,
  ): Promise<void> {
    const view = await this.#moderated(channelId, moderator);
    if (view.moderators.has(userId)) throw invalidField('user_id', 'is a moderator, who cannot be silenced');
    await this.change(channelId, moderator, { kind: 'restriction-changed', userId, untilMs });
    this.#options.views.forget(channelId, userId);
  }

  /** @throws Refusal CHANNEL_NOT_FOUND, ROLE_REQUIRED */
  async setSlowMode({ userId }: Pick<Caller, 'userId'>, channelId: ChannelId, slowModeS: number): Promise<Channel> {
    await this.#moderated(channelId, userId);
    await this.change(channelId, userId, async () => {
      // What is remembered may be old: written back, it would undo what others have changed.
      return { kind: 'channel-changed', ...(await this.row(channelId)), slowModeS };
    });
    return this.describe(channelId);
  }

  /** Appends to the channel's log and tells all nodes, whoever may do so. */
  async change(channelId: ChannelId, senderId: UserId, change: Change | (() => Promise<Change>)): Promise<void> {
    await this.#options.appender.appendRows(channelLog(channelId), async () => [
      unnamed(senderId, typeof change === 'function' ? await change() : change),
    ]);
    await this.tellChanged(channelId);
  }

  /** What holds for the channel was changed here: all nodes look anew. Where it is not heard it holds within 5 s. */
  async tellChanged(channelId: ChannelId): Promise<void> {
    const { views, bus } = this.#options;
    views.forget(channelId);
    await bus.publish(topicOf.post(channelId), { type: 'channel-changed', channelId }).catch(() => undefined);
  }

  /** As it is now, whatever is remembered of it. @throws Refusal CHANNEL_NOT_FOUND */
  async row(channelId: ChannelId): Promise<ChannelRow> {
    const row = await this.#options.store.row(channelLog(channelId), rowKey.channel);
    if (row === undefined) throw channelNotFound();
    return row.value as ChannelRow;
  }

  /** Why the user may not say anything new now. What was said before is answered all the same. */
  async #refusalOf(userId: UserId, channelId: ChannelId, view: ChannelView): Promise<Refusal | undefined> {
    const { limits, views, clock } = this.#options;
    if (view.closed) return channelClosed();
    if (!view.moderators.has(userId)) {
      const untilMs = await views.silentUntilMs(channelId, userId);
      if (untilMs > 0) {
        const message = 'a moderator silenced you in this channel';
        return new Refusal('RESTRICTED', message, { retryAfterMs: untilMs - clock.nowMs() });
      }
    }
    try {
      limits.take(userId, 'comment');
      limits.take(channelId, 'channel');
      return undefined;
    } catch (error) {
      if (error instanceof Refusal) return error;
      throw error;
    }
  }

  /** Whether it is a repeat costs the log as much as a comment: beyond the same rates it is not looked for. @throws Refusal RATE_LIMITED */
  #takeRepeat(userId: UserId, channelId: ChannelId): void {
    const { limits } = this.#options;
    limits.take(userId, 'repeat');
    limits.take(channelId, 'channel-repeat');
  }

  async #open(channelId: ChannelId, userId: UserId): Promise<ChannelView> {
    const { views, appender, limits, firstUse, store } = this.#options;
    const known = await views.get(channelId);
    if (known !== undefined) return known;
    if (firstUse === undefined) throw channelNotFound();
    limits.take(userId, 'open');
    await appender.appendRows(channelLog(channelId), async () => {
      // Of two first uses the second finds the channel.
      if ((await store.head(channelLog(channelId))) !== undefined) return [];
      return [unnamed(userId, { kind: 'channel-changed', ...firstUse })];
    });
    views.forget(channelId);
    return this.#view(channelId);
  }

  async #view(channelId: ChannelId): Promise<ChannelView> {
    const view = await this.#options.views.get(channelId);
    if (view === undefined) throw channelNotFound();
    return view;
  }

  async #moderated(channelId: ChannelId, userId: UserId): Promise<ChannelView> {
    const view = await this.#view(channelId);
    if (!view.moderators.has(userId)) throw moderatorRequired();
    return view;
  }

  async #describe(channelId: ChannelId, view: ChannelView): Promise<Channel> {
    const { log } = this.#options;
    const [{ epoch, published }, pinned, listeners] = await Promise.all([
      log.count(channelId),
      log.pinned(channelId),
      log.countListeners(channelId, undefined),
    ]);
    const { slowModeS, closed, historyCount, historyS } = view;
    return { channelId, epoch, published, listeners, slowModeS, pinned, closed, historyCount, historyS };
  }
}

function unnamed(senderId: UserId, change: Change) {
  return { senderId, deviceId: noDevice, clientMessageId: '', fingerprint: '', change } as const;
}

export function channelClosed(): Refusal {
  return new Refusal('CHANNEL_CLOSED', 'the channel takes no more comments');
}

function commentNotFound(): Refusal {
  return new Refusal('COMMENT_NOT_FOUND', 'there is no comment with this number that is kept');
}

function moderatorRequired(): Refusal {
  return new Refusal('ROLE_REQUIRED', 'only a moderator of the channel may do this');
}
