import type { Clock } from '../core/clock.ts';
import { Refusal, type Reason } from '../core/errors.ts';
import { hashOf } from '../core/hash.ts';
import type { ThreadId } from '../core/ids.ts';
import { Lru } from '../core/lru.ts';
import type { RoutedResult, RoutedSend, SendPeers, SendRouter } from './send-router.ts';

/**
 * So many conflicts within so many ms make a thread hot. A conflict costs a refused batch and three reads, as much as some ten calls
 * to another node: two people who answer each other every few seconds by two nodes are better off with one.
 */
const hotConflicts = 2;
const hotWithinMs = 10_000;
/** It is so until no send came for this long, in ms, and at the longest for `hotForMs`: then it shows anew whether it is. */
const calmMs = 10_000;
const hotForMs = 120_000;
/**
 * A node that did not answer gets nothing for this long, in ms, and twice as long each time it does not answer again: one that is gone is
 * known to be by then, one that was slow once is worth another try soon.
 */
const avoidedMs = [500, 15_000] as const;
/** Calls to other nodes under way; a thread has one at a time. Beyond, sends are appended here. */
const maxUnderWay = 256;
/** Threads in memory. The longest untouched are forgotten: they are appended to here. */
const maxThreads = 10_000;
/** Names of nodes in memory: nodes come and go. */
const maxAvoided = 1_000;

/** The node, not the send, is what these refuse. */
const ofTheNode: readonly Reason[] = ['STORE_UNAVAILABLE', 'DRAINING', 'DEADLINE_EXCEEDED', 'CANCELLED'];

export interface HotThreadsOptions {
  readonly clock: Clock;
  readonly nodeId: string;
  readonly peers: SendPeers;
  /** Sends that another node was asked to append; `answered`: it said what became of them. */
  readonly onRouted: (sends: number, answered: boolean) => void;
}

interface Heat {
  /** Monotonic ms of the first of the conflicts counted. */
  firstMs: number;
  conflicts: number;
  /** Monotonic ms; undefined = not hot. */
  hotSinceMs: number | undefined;
  sentMs: number;
}

/**
 * Threads that several nodes append to at once. Each node finds out by its own conflicts, and all come to the same node, by
 * hashing the thread over the nodes that live: no word between them is needed.
 */
export class HotThreads implements SendRouter {
  readonly #options: HotThreadsOptions;
  readonly #heats = new Lru<ThreadId, Heat>(maxThreads);
  /** Nodes whose last call had no answer: until when they get no other, monotonic ms, and for how long that was. */
  readonly #avoided = new Lru<string, { readonly untilMs: number; readonly forMs: number }>(maxAvoided);
  #underWay = 0;

  constructor(options: HotThreadsOptions) {
    this.#options = options;
  }

  conflicted(threadId: ThreadId): void {
    const nowMs = this.#options.clock.monotonicMs();
    const heat = this.#heats.get(threadId);
    if (heat === undefined || (heat.hotSinceMs === undefined && nowMs - heat.firstMs > hotWithinMs)) {
      this.#heats.set(threadId, { firstMs: nowMs, conflicts: 1, hotSinceMs: undefined, sentMs: nowMs });
      return;
    }
    if (heat.hotSinceMs !== undefined) return;
    heat.conflicts += 1;
    if (heat.conflicts < hotConflicts) return;
    heat.hotSinceMs = nowMs;
    heat.sentMs = nowMs;
    this.#options.peers.living();
  }

  nodeFor(threadId: ThreadId): string | undefined {
    const heat = this.#heats.size === 0 ? undefined : this.#heats.get(threadId);
    if (heat?.hotSinceMs === undefined) return undefined;
    const { clock, nodeId, peers } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - heat.sentMs > calmMs || nowMs - heat.hotSinceMs > hotForMs) {
      this.#heats.delete(threadId);
      return undefined;
    }
    heat.sentMs = nowMs;
    // Not another one instead: the other nodes go on with this one.
    const chosen = nodeOf(threadId, peers.living() ?? []);
    if (chosen === undefined || chosen === nodeId) return undefined;
    return (this.#avoided.get(chosen)?.untilMs ?? 0) > nowMs ? undefined : chosen;
  }

  async send(nodeId: string, sends: readonly RoutedSend[]): Promise<readonly RoutedResult[] | undefined> {
    if (this.#underWay >= maxUnderWay) return undefined;
    const { peers, onRouted } = this.#options;
    this.#underWay += 1;
    let results: readonly RoutedResult[] | undefined;
    try {
      results = await peers.send(nodeId, sends);
    } catch {
      // Why does not matter: what is appended here comes out the same.
    } finally {
      this.#underWay -= 1;
    }
    const first = results?.[0];
    const answered =
      results?.length === sends.length && !(first instanceof Refusal && ofTheNode.includes(first.reason));
    if (answered) this.#avoided.delete(nodeId);
    else this.#avoid(nodeId);
    onRouted(sends.length, answered);
    return answered ? results : undefined;
  }

  #avoid(nodeId: string): void {
    const nowMs = this.#options.clock.monotonicMs();
    const before = this.#avoided.get(nodeId);
    // Calls that were under way together fail together: that counts once.
    if (before !== undefined && before.untilMs > nowMs) return;
    const [first, longest] = avoidedMs;
    const forMs = before === undefined ? first : Math.min(longest, before.forMs * 2);
    this.#avoided.set(nodeId, { untilMs: nowMs + forMs, forMs });
  }
}

/** The node with the highest hash of both: when one comes or goes only its own threads move. Undefined of none. */
export function nodeOf(threadId: ThreadId, nodes: readonly string[]): string | undefined {
  let chosen: string | undefined;
  let highest = -1;
  for (const node of nodes) {
    const weight = hashOf(`${node} ${threadId}`);
    if (weight < highest || (weight === highest && chosen !== undefined && node > chosen)) continue;
    highest = weight;
    chosen = node;
  }
  return chosen;
}
