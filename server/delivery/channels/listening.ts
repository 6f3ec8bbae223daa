import type { ChannelId, UserId } from '../../core/ids.ts';
import { Lru } from '../../core/lru.ts';
import type { FrameEncoder } from '../frames.ts';
import type { Channel } from './channel.ts';

/** Who hears a channel: a session. */
export interface ChannelListener {
  readonly userId: UserId;
  /** Calls back when the next one on the way to the peer has read what it was told until now. May never be called. */
  whenArrived(onArrived: () => void): void;
  /** Queues bytes of a frame if there is room for them. False = the peer is behind: it is not told. */
  offer(bytes: Buffer): boolean;
  /** Queues bytes of a frame that must be told. */
  tell(bytes: Buffer): void;
}

/** Some comments of a channel as one piece of bytes, with the numbers that it accounts for. */
export interface Piece {
  readonly bytes: Buffer;
  readonly from: bigint;
  readonly to: bigint;
}

/** Deletions that wait for a peer that is behind. Who missed more shows a deleted comment until it lists anew. */
const maxDeletions = 256;
/** Different stretches that were left out and are still told. */
const maxSkips = 64;

/** Skipped for a channel's slow listeners. Where a node or a proxy is too slow, thousands leave out the same: it is encoded once. */
export class Skips {
  readonly #channelId: ChannelId;
  readonly #encode: FrameEncoder;
  readonly #known = new Lru<string, Buffer>(maxSkips);

  constructor(channelId: ChannelId, encode: FrameEncoder) {
    this.#channelId = channelId;
    this.#encode = encode;
  }

  of(from: bigint, to: bigint): Buffer {
    const key = `${from}-${to}`;
    let bytes = this.#known.get(key);
    if (bytes === undefined) {
      bytes = this.#encode({ type: 'channel-skipped', channelId: this.#channelId, from, to, reason: 'too-slow' });
      this.#known.set(key, bytes);
    }
    return bytes;
  }
}

/**
 * One session's ear for one channel. Every number that the channel accounts for is told or lies in a Skipped, in order: what there is no
 * room for costs two numbers. Of what holds for the channel the newest waits: all of it together is bounded, whoever changes how much.
 */
export class Listening {
  readonly listener: ChannelListener;
  readonly channelId: ChannelId;
  readonly #encode: FrameEncoder;
  readonly #skips: Skips;
  /** First and last number left out since there was no room; 0 = none. */
  #skipFrom = 0n;
  #skipTo = 0n;
  #epoch = 0n;
  #deletions: bigint[] | undefined;
  #channel: Channel | undefined;
  /** Up to here its device has accounted for the epoch elsewhere: it is not told again. */
  floor = 0n;

  constructor(listener: ChannelListener, channelId: ChannelId, encode: FrameEncoder, skips: Skips) {
    this.listener = listener;
    this.channelId = channelId;
    this.#encode = encode;
    this.#skips = skips;
  }

  hear(piece: Piece): void {
    if (piece.to <= this.floor) return;
    if (this.isBehind) this.catchUp();
    if (!this.isBehind && this.listener.offer(piece.bytes)) return;
    if (this.#skipFrom === 0n) this.#skipFrom = piece.from;
    this.#skipTo = piece.to;
  }

  /** It is another channel now, as these bytes of a frame say: told in order with what is heard. */
  hearChannel(bytes: Buffer, channel: Channel): void {
    if (this.isBehind || !this.listener.offer(bytes)) this.#channel = channel;
  }

  /** Comments of an epoch were deleted. */
  hearDeletions(bytes: Buffer, epoch: bigint, numbers: readonly bigint[]): void {
    if (this.#skipFrom === 0n && this.#deletions === undefined && this.listener.offer(bytes)) return;
    this.#epoch = epoch;
    this.#deletions = [...(this.#deletions ?? []), ...numbers].slice(-maxDeletions);
  }

  /** Numbering is another from now on: what was left out of the old one is told before. */
  begin(): void {
    if (this.#skipFrom > 0n) this.listener.tell(this.#skips.of(this.#skipFrom, this.#skipTo));
    this.#skipFrom = 0n;
    this.#skipTo = 0n;
    this.floor = 0n;
    this.#deletions = undefined;
    this.#channel = undefined;
  }

  /** There may be room again: tells what was left out. An offer may make room, and call this again amid it: each is told once. */
  catchUp(): void {
    const { channelId } = this;
    if (this.#skipFrom > 0n) {
      const from = this.#skipFrom;
      this.#skipFrom = 0n;
      if (!this.listener.offer(this.#skips.of(from, this.#skipTo))) {
        this.#skipFrom = from;
        return;
      }
    }
    const channel = this.#channel;
    if (channel !== undefined) {
      this.#channel = undefined;
      if (!this.listener.offer(this.#changed(channel))) {
        this.#channel = channel;
        return;
      }
    }
    const deletions = this.#deletions;
    if (deletions === undefined) return;
    this.#deletions = undefined;
    const bytes = this.#encode(deletionsFrame(channelId, this.#epoch, deletions));
    if (!this.listener.offer(bytes)) this.#deletions = deletions;
  }

  /** Whether something waits that must be told before anything that is numbered. */
  get isBehind(): boolean {
    return this.#skipFrom > 0n || this.#channel !== undefined;
  }

  /** What was left out since it has waited is accounted for by now: its count is of that too. */
  #changed(channel: Channel): Buffer {
    const published = this.#skipTo > channel.published ? this.#skipTo : channel.published;
    return this.#encode({ type: 'channel', channel: { ...channel, published } });
  }
}

export function deletionsFrame(channelId: ChannelId, epoch: bigint, deleted: readonly bigint[]) {
  return { type: 'comments', channelId, epoch, comments: [], from: 0n, to: 0n, deleted } as const;
}
