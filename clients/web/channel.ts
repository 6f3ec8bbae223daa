import type { ParleyError } from '../core/errors.ts';
import type { ChannelWish } from '../core/wishes.ts';
import type { Channel, Comment } from '#proto/parley/v1/channel_service.ts';
import type { ChannelStats } from '#proto/parley/v1/stream_service.ts';
import type { Parley } from './parley.ts';
import type { View } from './view.ts';

export interface ChannelSnapshot {
  readonly channelId: string;
  /** Undefined until it is heard. */
  readonly channel: Channel | undefined;
  /** The newest, ascending by number: what the channel keeps, and what came since. At most 500. Deleted ones are left out. */
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
  throw new Error(`not yet: ${parley.userId} ${channelId} ${wish?.delivery ?? ''}`);
}
