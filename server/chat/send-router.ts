import type { Refusal } from '../core/errors.ts';
import type { DeviceId, SessionId, ThreadId, UserId } from '../core/ids.ts';
import type { AppendOutcome, Draft } from './draft.ts';

/** A send as another node appends it. Its author's allowance was taken where it came in. */
export interface RoutedSend {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly sessionId: SessionId | undefined;
  readonly draft: Draft;
}

export type RoutedResult = AppendOutcome | Refusal;

/**
 * Where the sends of a thread are appended. Only for speed: appends are conditional on the head, so that two nodes that each think
 * themselves the one do no harm. What was routed is never routed on.
 */
export interface SendRouter {
  /** An append to the thread was refused because another node had moved its head. */
  conflicted(threadId: ThreadId): void;
  /** The other node that sends of the thread go to just now; undefined = they are appended here. */
  nodeFor(threadId: ThreadId): string | undefined;
  /**
   * Has the node append them, in this order: a result for each. Undefined = it is not known what became of them: append them
   * here, where those that it did append are found to be duplicates. Never rejects, and takes 2 s at most.
   */
  send(nodeId: string, sends: readonly RoutedSend[]): Promise<readonly RoutedResult[] | undefined>;
}

/** The other nodes, as the router reaches them. */
export interface SendPeers {
  /** Nodes that live, this one among them, as was known within the last seconds; undefined = not known. Asks anew by itself. */
  living(): readonly string[] | undefined;
  /** @throws Refusal, of the node or because it cannot be reached */
  send(nodeId: string, sends: readonly RoutedSend[]): Promise<readonly RoutedResult[]>;
}
