import type { Channel } from '#proto/parley/v1/channel_service.ts';
import type { ServerFrame, Subscribe } from '#proto/parley/v1/stream_service.ts';

/** Channels as the node last told them, on whichever session: where another Subscribe goes on without a loss. */
export class HeardChannels {
  readonly #channels = new Map<string, Channel>();

  of({ target }: Pick<Subscribe, 'target'>): Channel | undefined {
    return target?.$case === 'channelId' ? this.#channels.get(target.value) : undefined;
  }

  note(frame: NonNullable<ServerFrame['frame']>): void {
    if (frame.$case === 'channelChanged' && frame.value.channel !== undefined) {
      this.#channels.set(frame.value.channel.channelId, frame.value.channel);
    } else if (frame.$case === 'commentBatch') {
      const { channelId, epoch, toNumber } = frame.value;
      const channel = this.#channels.get(channelId);
      if (channel?.epoch === epoch && toNumber > channel.publishedCount) {
        this.#channels.set(channelId, { ...channel, publishedCount: toNumber });
      }
    }
  }

  /** Nobody hears it any more. */
  forget(channelId: string): void {
    this.#channels.delete(channelId);
  }

  /** Whether who says this lacks comments that others were told. */
  lacks(subscribe: Subscribe): boolean {
    const channel = this.of(subscribe);
    const { afterNumber, epoch } = subscribe;
    return afterNumber !== undefined && epoch === channel?.epoch && afterNumber < channel.publishedCount;
  }

  /** The same from the last number that all tabs have: the node begins anew with each Subscribe, also on a session that hears the channel. */
  resumed(subscribe: Subscribe): Subscribe {
    const channel = this.of(subscribe);
    if (channel === undefined || subscribe.epoch > channel.epoch || this.lacks(subscribe)) return subscribe;
    return { ...subscribe, epoch: channel.epoch, afterNumber: channel.publishedCount };
  }
}
