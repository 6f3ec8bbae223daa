import type { Goodbye, GoodbyeReason } from './frames.ts';

interface Rule {
  readonly reconnect: boolean;
  readonly delayMs: number;
  readonly jitterMs: number;
}

/** Close reasons carry the reconnect rule: a client needs no other knowledge. The delays spread a node's streams over time. */
const rules: Record<GoodbyeReason, Rule> = {
  draining: { reconnect: true, delayMs: 0, jitterMs: 2_000 },
  superseded: { reconnect: false, delayMs: 0, jitterMs: 0 },
  'token-expired': { reconnect: true, delayMs: 0, jitterMs: 1_000 },
  'heartbeat-missed': { reconnect: true, delayMs: 0, jitterMs: 1_000 },
  'too-slow': { reconnect: true, delayMs: 1_000, jitterMs: 4_000 },
  protocol: { reconnect: false, delayMs: 0, jitterMs: 0 },
  'signed-out': { reconnect: false, delayMs: 0, jitterMs: 0 },
  failed: { reconnect: true, delayMs: 500, jitterMs: 1_500 },
  'handed-over': { reconnect: false, delayMs: 0, jitterMs: 0 },
};

export function goodbyeOf(reason: GoodbyeReason, message: string): Goodbye {
  return { reason, message, ...rules[reason] };
}
