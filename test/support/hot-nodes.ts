// Nodes of one deployment in this process, with a store in common, that route the sends of hot threads to one another: through
// the messages of parley.internal.v1, without a network.
import { SendRequest, SendResponse } from '#proto/parley/internal/v1/node_service.ts';
import { MemoryBus } from '../../server/bus/memory.ts';
import { HotThreads } from '../../server/chat/hot-threads.ts';
import type { RoutedResult, RoutedSend, SendPeers } from '../../server/chat/send-router.ts';
import { threadLog, type ThreadId } from '../../server/core/ids.ts';
import { MemoryRegistry } from '../../server/presence/memory.ts';
import { makeTakeSends, resultFromProto, sendToProto } from '../../server/rpc/internal/routed-sends.ts';
import { HandClock } from './clock.ts';
import { type DeliveryNode, openDeliveryNode, turns } from './delivery-node.ts';
import { newTemporaryStore } from './temporary-store.ts';

export class HotNodes implements AsyncDisposable {
  readonly clock = new HandClock();
  /** Sends that were answered by another node. */
  routed = 0;
  conflicts = 0;
  /** Nodes that were asked, in the order of the calls. */
  readonly asked: number[] = [];
  readonly #bus = new MemoryBus();
  readonly #nodes: DeliveryNode[] = [];
  readonly #routers: HotThreads[] = [];
  readonly #believed = new Map<number, readonly string[] | undefined>();
  readonly #losing = new Set<number>();
  readonly #made: AsyncDisposable[] = [];

  static async open(count: number, { routing }: { readonly routing: boolean }): Promise<HotNodes> {
    const nodes = new HotNodes();
    const { clock } = nodes;
    const kept = await newTemporaryStore({ clock });
    const { store } = kept;
    const registry = new MemoryRegistry({ clock, bus: nodes.#bus, store });
    nodes.#made.push(registry, kept);
    for (let at = 0; at < count; at++) {
      const router = new HotThreads({
        clock,
        nodeId: `n${at}`,
        peers: nodes.#peersOf(at),
        onRouted: (sends, answered) => (nodes.routed += answered ? sends : 0),
      });
      nodes.#believed.set(
        at,
        Array.from({ length: count }, (_, n) => `n${n}`),
      );
      const node = await openDeliveryNode({
        shared: { clock, store, bus: nodes.#bus, registry },
        appender: { router: routing ? router : undefined, onConflict: () => void (nodes.conflicts += 1) },
      });
      nodes.#nodes.push(node);
      nodes.#routers.push(router);
      nodes.#made.unshift(node);
    }
    return nodes;
  }

  at(index: number): DeliveryNode {
    return this.#nodes[index] as DeliveryNode;
  }

  /** As after two conflicts at every node. */
  async heat(threadId: ThreadId): Promise<void> {
    for (const router of this.#routers) for (let n = 0; n < 2; n++) router.conflicted(threadId);
    for (const node of this.#nodes) await node.views.refresh(threadId);
  }

  /** From now on the node takes these for the ones that live. */
  believe(index: number, living: readonly string[] | undefined): void {
    this.#believed.set(index, living);
  }

  /** The node does what it is asked, and nobody learns of it. */
  loseAnswers(index: number): void {
    this.#losing.add(index);
  }

  /** No event reaches anybody. */
  deafen(): void {
    this.#bus.publish = () => Promise.resolve();
  }

  settled(): Promise<void> {
    return turns();
  }

  /** Of all messages, in their order. */
  async texts(threadId: ThreadId): Promise<string[]> {
    const entries = await this.at(0).store.entries(threadLog(threadId), { after: 1n, upTo: 100_000n, limit: 10_000 });
    return entries.map(({ change }) => {
      const content = change.kind === 'message' ? change.body.content : undefined;
      return content !== undefined && 'text' in content ? content.text : '';
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#made.splice(0)) await one[Symbol.asyncDispose]();
  }

  #peersOf(index: number): SendPeers {
    return {
      living: () => this.#believed.get(index),
      send: async (nodeId: string, sends: readonly RoutedSend[]): Promise<readonly RoutedResult[]> => {
        const at = Number(nodeId.slice(1));
        this.asked.push(at);
        const request = SendRequest.decode(SendRequest.encode({ sends: sends.map(sendToProto) }).finish());
        const take = makeTakeSends(this.at(at).chat.sendMessage, String);
        const results = await take(request.sends);
        if (this.#losing.has(at)) throw new Error('the answer is lost');
        const response = SendResponse.decode(SendResponse.encode({ results }).finish());
        return response.results.map(resultFromProto);
      },
    };
  }
}
