import { Refusal, type Reason } from '../core/errors.ts';
import type { Goodbye, GoodbyeReason } from './frames.ts';

interface Rule {
  readonly reconnect: boolean;
  readonly delayMs: number;
  readonly jitterMs: number;
  /** The refusal that the stream's status tells beside it; undefined = status OK. */
  readonly reason: Reason | undefined;
}

/** Close reasons carry the reconnect rule: a client needs no other knowledge. The delays spread a node's streams over time. */
const rules: Record<GoodbyeReason, Rule> = {
  draining: { reconnect: true, delayMs: 0, jitterMs: 2_000, reason: undefined },
  superseded: { reconnect: false, delayMs: 0, jitterMs: 0, reason: 'CANCELLED' },
  'token-expired': { reconnect: true, delayMs: 0, jitterMs: 1_000, reason: 'TOKEN_EXPIRED' },
  'heartbeat-missed': { reconnect: true, delayMs: 0, jitterMs: 1_000, reason: 'DEADLINE_EXCEEDED' },
  'too-slow': { reconnect: true, delayMs: 1_000, jitterMs: 4_000, reason: 'LIMIT_REACHED' },
  protocol: { reconnect: false, delayMs: 0, jitterMs: 0, reason: 'INVALID_FIELD' },
  'signed-out': { reconnect: false, delayMs: 0, jitterMs: 0, reason: 'ROLE_REQUIRED' },
  failed: { reconnect: true, delayMs: 500, jitterMs: 1_500, reason: 'STORE_UNAVAILABLE' },
  'handed-over': { reconnect: false, delayMs: 0, jitterMs: 0, reason: undefined },
};

export function goodbyeOf(reason: GoodbyeReason, message: string): Goodbye {
  const { reconnect, delayMs, jitterMs } = rules[reason];
  return { reason, reconnect, delayMs, jitterMs, message };
}

/** The refusal that the stream's status carries for a goodbye; undefined = OK. */
export function refusalOfGoodbye(goodbye: Goodbye): Refusal | undefined {
  const { reason } = rules[goodbye.reason];
  return reason === undefined ? undefined : new Refusal(reason, goodbye.message);
}
