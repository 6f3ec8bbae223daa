import type { DeviceId, SessionId, UserId } from '../core/ids.ts';
import type { Presence } from '../core/presence.ts';

/**
 * The door to who is there. A user is online while any of their sessions is announced and its node is alive. Transitions are published
 * on the user's presence topic: online at once, offline after `cleanCloseGraceMs` when the last session was withdrawn
 * cleanly, at once otherwise; for the sessions of a node that died, by another node. A transition may be told twice. One contract
 * suite (test/contract/registry.ts).
 *
 * Failure: nothing rejects, and nobody waits for much longer than a second. When the registry cannot be asked, or may have lost what
 * it was told, `get` answers `unknown`; `announce` and `withdraw` are made good later.
 */
export interface Registry extends AsyncDisposable {
  /** A session opened. Announcing again changes nothing. */
  announce(session: RegistrySession): Promise<void>;
  /** The session closed; `lastSeenMs` is its last heartbeat. `clean` = by the client, or for a new session to follow. */
  withdraw(session: RegistrySession, end: { readonly clean: boolean; readonly lastSeenMs: number }): Promise<void>;
  /** In the order asked. */
  get(users: readonly UserId[]): Promise<Presence[]>;
  /** Open sessions of a user, on any node; only those of this node when the registry cannot be asked. */
  locate(user: UserId): Promise<RegistrySession[]>;
}

export interface RegistrySession {
  readonly sessionId: SessionId;
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  /** Wall ms of its opening. */
  readonly startMs: number;
}

/** Where the nodes of a deployment are reached by one another. */
export interface NodeDirectory {
  /** Never rejects. Only a node itself, or its lease that is over, can say that its sessions are gone. */
  locateNode(nodeId: string): Promise<NodeLocation>;
  /** Every node whose lease holds; undefined = it cannot be said just now. Never rejects. */
  livingNodes(): Promise<readonly NodeAddress[] | undefined>;
}

export interface NodeAddress {
  readonly nodeId: string;
  /** host:port, empty = nowhere. */
  readonly address: string;
}

/** gone: its lease is over, and its sessions with it; unknown: it cannot be said just now. `address` is host:port, empty = nowhere. */
export type NodeLocation =
  | { readonly state: 'living'; readonly address: string }
  | { readonly state: 'gone' }
  | { readonly state: 'unknown' };
