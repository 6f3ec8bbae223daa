import type { UserId } from './ids.ts';

/** Whether a user is there. `hidden` is an answer to somebody who may not see it, never kept. */
export type PresenceState = 'online' | 'offline' | 'unknown' | 'hidden';

export interface Presence {
  readonly userId: UserId;
  readonly state: PresenceState;
  /** Wall ms of the last heartbeat; 0 while online, when never seen, and when not visible. */
  readonly lastSeenMs: number;
  /** Wall ms when this was true. */
  readonly asOfMs: number;
}

/** A device without a heartbeat for this long is not there. */
export const heartbeatTimeoutMs = 60_000;
/** How often a device is asked to send one. */
export const heartbeatIntervalMs = 25_000;
/** After a clean close the user counts as online for this long, so that a reconnect is not seen. */
export const cleanCloseGraceMs = 10_000;
