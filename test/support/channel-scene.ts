// A node with one channel for a test: who listens, who says something, and time that passes for its ticks.
import { type ChannelId, parseChannelId, type UserId } from '../../server/core/ids.ts';
import type { DeliveryClass } from '../../server/delivery/channels/channel.ts';
import { callerOf, Ids } from './chat-node.ts';
import { type DeliveryNode, type DeliveryNodeOptions, type Device, openDeliveryNode, turns } from './delivery-node.ts';

export const post: ChannelId = parseChannelId('post:1');
export const everything: DeliveryClass = { kind: 'everything' };

export class ChannelScene implements AsyncDisposable {
  readonly node: DeliveryNode;
  readonly #ids = new Ids();

  private constructor(node: DeliveryNode) {
    this.node = node;
  }

  static async open(options?: DeliveryNodeOptions): Promise<ChannelScene> {
    return new ChannelScene(await openDeliveryNode(options));
  }

  async listen(userId: string, deliveryClass: DeliveryClass = everything, deviceId = 'd1'): Promise<Device> {
    const device = await this.node.live(userId, deviceId);
    await device.session.channels.subscribe(post, deliveryClass, undefined);
    return device;
  }

  /** Publishes, turning the clock until it is numbered. Gives the number. */
  async say(
    userId: string,
    text: string,
    more: { clientMessageId?: string; replyTo?: bigint; mentions?: string[] } = {},
  ): Promise<bigint> {
    const { clientMessageId = this.#ids.next(), replyTo = 0n, mentions = [] } = more;
    const draft = { clientMessageId, text, replyTo, mentions: mentions as UserId[] };
    const published = this.node.chat.channels.publish(callerOf(userId), post, draft);
    let number: bigint | undefined;
    const settled = published.then(({ comment }) => (number = comment.number));
    while (number === undefined) {
      this.node.clock.turn(10);
      await Promise.race([settled, turns(1)]);
    }
    return number;
  }

  /** Lets ticks pass. */
  async tick(): Promise<void> {
    await turns();
    this.node.clock.turn(200);
    await turns();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node[Symbol.asyncDispose]();
  }
}
