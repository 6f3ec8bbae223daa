import type { DeviceId, ServiceName, SessionId, UserId } from '../core/ids.ts';

/** Who asks, and for how long they wait. Made once per call or session from a verified token. */
export interface Caller {
  /** `systemUser` where another service asks for itself, which is nobody's token. */
  readonly userId: UserId;
  /** `noDevice` where the call named none; of a service `deviceOfService`. */
  readonly deviceId: DeviceId;
  /** Set when the call came over a session, which then has the reply and needs no copy. */
  readonly sessionId?: SessionId;
  /** Set when another service asks, for the system or for `userId`. What it may do its scopes have said before. */
  readonly service?: ServiceName;
  /** Aborts with a Refusal (DEADLINE_EXCEEDED or CANCELLED) when the caller has gone. */
  readonly signal?: AbortSignal;
  /** What the token says of the person; stands in for a profile until one is set. */
  readonly claims: Claims;
}

export interface Claims {
  readonly name?: string;
  readonly picture?: string;
}
