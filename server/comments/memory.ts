import { type Bus, topicOf } from '../bus/bus.ts';
import type { Clock } from '../core/clock.ts';
import type { ChannelCount, Comment, NewComment } from '../core/comment.ts';
import type { BusEvent } from '../core/event.ts';
import type { ChannelId } from '../core/ids.ts';
import { type CommentLog, type CommentRange, forgetMs, type KeepRule, type Published } from './comment-log.ts';
import { MemoryChannel } from './memory/channel.ts';

export interface MemoryCommentLogOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  /** Of more, the one not spoken in for longest goes, as after 30 days. Default 10,000. */
  readonly maxChannels?: number;
  /** Comments kept in all channels together; the same. Default 100,000: about 100 MiB when each has 500 bytes. */
  readonly maxKept?: number;
}

/** Comments of a single node, in memory: they are gone when it ends. */
export class MemoryCommentLog implements CommentLog {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #maxChannels: number;
  readonly #maxKept: number;
  /** The one not spoken in for longest first. */
  readonly #channels = new Map<ChannelId, MemoryChannel>();
  #kept = 0;
  /** The latest epoch of a channel that is gone. */
  #goneEpoch = 0n;

  constructor(options: MemoryCommentLogOptions) {
    this.#bus = options.bus;
    this.#clock = options.clock;
    this.#maxChannels = options.maxChannels ?? 10_000;
    this.#maxKept = options.maxKept ?? 100_000;
  }

  async publish(channelId: ChannelId, comments: readonly NewComment[], keep: KeepRule): Promise<readonly Published[]> {
    const channel = this.#find(channelId) ?? this.#begin(channelId);
    channel.spokenMs = this.#clock.monotonicMs();
    this.#channels.delete(channelId);
    this.#channels.set(channelId, channel);
    const { answers, fresh, second, perSecond } = this.#counting(channel, () => channel.publish(comments, keep));
    this.#makeRoom();
    const { epoch } = channel;
    if (fresh.length > 0) {
      await this.#tell({ type: 'comments', channelId, epoch, comments: fresh, second, perSecond });
    }
    return answers;
  }

  async count(channelId: ChannelId): Promise<ChannelCount> {
    const { epoch, last } = this.#find(channelId) ?? this.#begin(channelId);
    return { epoch, published: last };
  }

  async range(channelId: ChannelId, range: CommentRange): Promise<readonly Comment[]> {
    const channel = this.#find(channelId);
    if (channel === undefined) return [];
    return this.#counting(channel, () => channel.range(range));
  }

  async delete(channelId: ChannelId, number: bigint): Promise<boolean> {
    const channel = this.#find(channelId);
    if (channel === undefined || !this.#counting(channel, () => channel.erase(number))) return false;
    await this.#tell({ type: 'comment-deleted', channelId, epoch: channel.epoch, number });
    return true;
  }

  async pin(channelId: ChannelId, number: bigint): Promise<boolean> {
    const channel = this.#find(channelId);
    const pinned = channel === undefined ? number === 0n : this.#counting(channel, () => channel.pin(number));
    if (pinned) await this.#tell({ type: 'channel-changed', channelId });
    return pinned;
  }

  async pinned(channelId: ChannelId): Promise<Comment | undefined> {
    return this.#find(channelId)?.pinned;
  }

  async countListeners(channelId: ChannelId, here: number | undefined): Promise<number> {
    const isHeard = here !== undefined && here > 0;
    const channel = this.#find(channelId) ?? (isHeard ? this.#begin(channelId) : undefined);
    return channel?.countListeners(here) ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#channels.clear();
    this.#kept = 0;
  }

  #tell(event: BusEvent & { readonly channelId: ChannelId }): Promise<void> {
    return this.#bus.publish(topicOf.post(event.channelId), event);
  }

  #find(channelId: ChannelId): MemoryChannel | undefined {
    const channel = this.#channels.get(channelId);
    if (channel === undefined || !this.#isForgotten(channel)) return channel;
    this.#drop(channelId, channel);
    return undefined;
  }

  #begin(channelId: ChannelId): MemoryChannel {
    // Later than any that the channel had, wherever the clock was set to meanwhile.
    const nowMs = BigInt(this.#clock.nowMs());
    const channel = new MemoryChannel(this.#clock, nowMs > this.#goneEpoch ? nowMs : this.#goneEpoch + 1n);
    this.#channels.set(channelId, channel);
    this.#makeRoom();
    return channel;
  }

  /** What the work keeps and takes away counts. */
  #counting<Result>(channel: MemoryChannel, work: () => Result): Result {
    const before = channel.kept;
    const result = work();
    this.#kept += channel.kept - before;
    return result;
  }

  /** The newest stays whatever it holds: the rule bounds it. */
  #makeRoom(): void {
    for (const [channelId, channel] of this.#channels) {
      const isFull = this.#channels.size > this.#maxChannels || this.#kept > this.#maxKept;
      if (this.#channels.size === 1 || !(isFull || this.#isForgotten(channel))) return;
      this.#drop(channelId, channel);
    }
  }

  #drop(channelId: ChannelId, channel: MemoryChannel): void {
    this.#channels.delete(channelId);
    this.#kept -= channel.kept;
    if (channel.epoch > this.#goneEpoch) this.#goneEpoch = channel.epoch;
  }

  #isForgotten(channel: MemoryChannel): boolean {
    return this.#clock.monotonicMs() - channel.spokenMs >= forgetMs;
  }
}
