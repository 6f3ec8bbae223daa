import type { Comment } from '../../core/comment.ts';
import type { ChannelId, UserId } from '../../core/ids.ts';

/** A channel as anyone who may open it sees it. */
export interface Channel {
  readonly channelId: ChannelId;
  readonly epoch: bigint;
  /** The last number given. */
  readonly published: bigint;
  readonly listeners: number;
  readonly slowModeS: number;
  readonly pinned: Comment | undefined;
  readonly closed: boolean;
  readonly historyCount: number;
  readonly historyS: number;
}

/** What delivery asks about channels; the chat room answers (`chat/channels.ts`). */
export interface ChannelDirectory {
  /** Lets the user in, making the channel where first use does. @throws Refusal CHANNEL_NOT_FOUND, RATE_LIMITED, STORE_UNAVAILABLE */
  enter(channelId: ChannelId, userId: UserId): Promise<void>;
  /** @throws Refusal CHANNEL_NOT_FOUND, STORE_UNAVAILABLE */
  describe(channelId: ChannelId): Promise<Channel>;
  /** Something that holds for the channel has changed elsewhere. */
  changed(channelId: ChannelId): void;
}

/** How much of a channel a session hears: `latest` is the newest of each tick. */
export type DeliveryClass =
  | { readonly kind: 'everything' }
  /** At most so many a second. */
  | { readonly kind: 'sampled'; readonly maxRate: number }
  | { readonly kind: 'latest' };

export function keyOf(deliveryClass: DeliveryClass): string {
  return deliveryClass.kind === 'sampled' ? `sampled ${deliveryClass.maxRate}` : deliveryClass.kind;
}
