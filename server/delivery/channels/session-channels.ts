import { Refusal } from '../../core/errors.ts';
import type { ChannelId, UserId } from '../../core/ids.ts';
import type { Outbox } from '../outbox.ts';
import type { DeliveryClass } from './channel.ts';
import type { ChannelHub } from './channel-hub.ts';
import type { Resume } from './channel-topic.ts';
import type { ChannelListener, Listening } from './listening.ts';

/** Channels that a session may hear at once. */
const maxChannels = 20;

interface Heard {
  /** Unset while it is coming in. */
  listening?: Listening;
  leave?: () => void;
}

/** The channels of one session. */
export class SessionChannels implements ChannelListener {
  readonly userId: UserId;
  readonly #outbox: Outbox;
  readonly #hub: ChannelHub;
  readonly #heard = new Map<ChannelId, Heard>();

  constructor(userId: UserId, outbox: Outbox, hub: ChannelHub) {
    this.userId = userId;
    this.#outbox = outbox;
    this.#hub = hub;
    outbox.onRoom = () => this.#catchUp();
  }

  /** Again for a channel that is heard: begins it anew, in the class that is asked for now. @throws Refusal LIMIT_REACHED, and as ChannelHub.join */
  async subscribe(channelId: ChannelId, deliveryClass: DeliveryClass, resume: Resume | undefined): Promise<void> {
    if (!this.#heard.has(channelId) && this.#heard.size >= maxChannels) {
      throw new Refusal('LIMIT_REACHED', `at most ${maxChannels} channels at once: unsubscribe from one first`);
    }
    this.unsubscribe(channelId);
    const heard: Heard = {};
    this.#heard.set(channelId, heard);
    try {
      // An Unsubscribe, another Subscribe or the end of the session may come amid it.
      const isWanted = (): boolean => this.#heard.get(channelId) === heard;
      const joined = await this.#hub.join(channelId, this, deliveryClass, resume, isWanted);
      if (joined === undefined || !isWanted()) return joined?.leave();
      heard.listening = joined.listening;
      heard.leave = joined.leave;
      // There may have been no room for all that was missed.
      joined.listening.catchUp();
    } catch (error) {
      if (this.#heard.get(channelId) === heard) this.#heard.delete(channelId);
      throw error;
    }
  }

  unsubscribe(channelId: ChannelId): void {
    this.#heard.get(channelId)?.leave?.();
    this.#heard.delete(channelId);
  }

  whenArrived(onArrived: () => void): void {
    this.#outbox.whenArrived(onArrived);
  }

  offer(bytes: Buffer): boolean {
    return this.#outbox.offer(bytes);
  }

  tell(bytes: Buffer): void {
    this.#outbox.pushBytes(bytes);
  }

  close(): void {
    for (const channelId of [...this.#heard.keys()]) this.unsubscribe(channelId);
  }

  #catchUp(): void {
    for (const { listening } of this.#heard.values()) listening?.catchUp();
  }
}
