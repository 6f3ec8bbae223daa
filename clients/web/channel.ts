import * as Code from '../core/codes.ts';
import { localError, ParleyError } from '../core/errors.ts';
import type { ChannelWish } from '../core/wishes.ts';
import type { Channel, Comment } from '#proto/parley/v1/channel_service.ts';
import type { ChannelStats } from '#proto/parley/v1/stream_service.ts';
import type { Parley } from './parley.ts';
import type { Parts } from './parts.ts';
import { Live } from './view.ts';
import type { View } from './view.ts';

export interface ChannelSnapshot {
  readonly channelId: string;
  /** Undefined until it is heard. */
  readonly channel: Channel | undefined;
  /** The newest, ascending by number: the last 200 that the channel keeps, and what came since. At most 500. Deleted ones are left out. */
  readonly comments: readonly Comment[];
  /** How it goes, at most once a second. */
  readonly stats: ChannelStats | undefined;
  /** Comments that were left out since the view is subscribed to: by sampling, or because this tab was slow. */
  readonly skipped: number;
  /** Why it is not heard, or its history could not be read. */
  readonly error: ParleyError | undefined;
}

export interface ChannelView extends View<ChannelSnapshot> {
  /** Comments. Rejects with the server's reason, such as SLOW_MODE or CHANNEL_CLOSED. */
  publish(
    text: string,
    options?: { readonly replyTo?: bigint; readonly mentionIds?: readonly string[] },
  ): Promise<Comment>;
}

/**
 * A channel's live comments, heard while subscribed to. At most 20 channels in all tabs together, each as the tab that wants
 * most of it wants it. The same view each time it is asked for; `wish` (default everything) counts the first time.
 */
export function channelView(parley: Parley, channelId: string, wish?: ChannelWish): ChannelView {
  const { parts } = parley;
  return parts.once(`channel ${channelId}`, () => new Heard(parts, channelId, wish));
}

/** Comments in one answer at most. */
const mostInPage = 200;
/** Comments shown at most. */
const mostComments = 500;

class Heard extends Live<ChannelSnapshot> implements ChannelView {
  readonly #parts: Parts;
  readonly #channelId: string;
  readonly #wish: ChannelWish | undefined;
  readonly #comments = new Map<bigint, Comment>();
  #channel: Channel | undefined;
  #stats: ChannelStats | undefined;
  #skipped = 0;
  #error: ParleyError | undefined;
  /** What the channel keeps was read, or is being read, since it is heard. */
  #isRead = false;

  constructor(parts: Parts, channelId: string, wish: ChannelWish | undefined) {
    super(parts.runtime);
    this.#parts = parts;
    this.#channelId = channelId;
    this.#wish = wish;
    const { client } = parts;
    client.on('channel', (channel) => {
      if (channel.channelId !== channelId) return;
      if (channel.epoch !== this.#channel?.epoch) {
        this.#comments.clear();
        this.#isRead = false;
      }
      this.#channel = channel;
      this.changed();
      if (!this.#isRead && channel.historyCount > 0) void this.#readHistory(channel);
    });
    client.on('comments', (batch) => {
      if (batch.channelId !== channelId) return;
      if (batch.toNumber > 0n) this.#skipped += Number(batch.toNumber - batch.fromNumber) + 1 - batch.comments.length;
      this.#put(batch.comments, batch.deletedNumbers);
    });
    client.on('commentsSkipped', (skipped) => {
      if (skipped.channelId !== channelId) return;
      this.#skipped += Number(skipped.to - skipped.from) + 1;
      this.changed();
    });
    client.on('channelStats', (stats) => {
      if (stats.channelId !== channelId) return;
      this.#stats = stats;
      this.changed();
    });
  }

  async publish(
    text: string,
    options: { readonly replyTo?: bigint; readonly mentionIds?: readonly string[] } = {},
  ): Promise<Comment> {
    const { client, runtime } = this.#parts;
    const { comment, epoch } = await client.call('/parley.v1.ChannelService/PublishComment', {
      channelId: this.#channelId,
      clientMessageId: runtime.newId(),
      text,
      replyTo: options.replyTo ?? 0n,
      mentionIds: [...(options.mentionIds ?? [])],
    });
    if (comment === undefined) throw localError('NO_REASON', 'the answer has no comment', Code.INTERNAL);
    if (epoch === this.#channel?.epoch) this.#put([comment]);
    return comment;
  }

  protected override begin(): () => void {
    const { client } = this.#parts;
    this.#skipped = 0;
    this.#error = undefined;
    // What was said, and deleted, while nobody looked was not told.
    this.#isRead = false;
    this.changed();
    client.subscribeChannel(this.#channelId, this.#wish).catch((error: unknown) => this.#fail(error));
    return () => client.unsubscribeChannel(this.#channelId);
  }

  protected make(): ChannelSnapshot {
    const comments = [...this.#comments.values()].toSorted((a, b) => (a.number < b.number ? -1 : 1));
    return {
      channelId: this.#channelId,
      channel: this.#channel,
      comments,
      stats: this.#stats,
      skipped: this.#skipped,
      error: this.#error,
    };
  }

  #put(comments: readonly Comment[], deletedNumbers: readonly bigint[] = []): void {
    for (const comment of comments) {
      if (comment.deleted) this.#comments.delete(comment.number);
      else this.#comments.set(comment.number, comment);
    }
    for (const number of deletedNumbers) this.#comments.delete(number);
    const excess = this.#comments.size - mostComments;
    if (excess > 0) {
      const numbers = [...this.#comments.keys()].toSorted((a, b) => (a < b ? -1 : 1));
      for (const number of numbers.slice(0, excess)) this.#comments.delete(number);
    }
    this.changed();
  }

  /** What was published by then is as it is read; what came since is here. */
  async #readHistory({ publishedCount }: Channel): Promise<void> {
    this.#isRead = true;
    const request = { channelId: this.#channelId, pageSize: mostInPage, pageToken: '', beforeNumber: 0n };
    try {
      const { comments, epoch } = await this.#parts.client.call('/parley.v1.ChannelService/ListComments', request);
      if (epoch !== this.#channel?.epoch) return;
      for (const number of this.#comments.keys()) if (number <= publishedCount) this.#comments.delete(number);
      this.#error = undefined;
      this.#put(comments.filter(({ number }) => !this.#comments.has(number)));
    } catch (error) {
      this.#isRead = false;
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (!(error instanceof ParleyError)) throw error;
    this.#error = error;
    this.changed();
  }
}
