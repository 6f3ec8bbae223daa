import { Backoff } from './backoff.ts';
import type { Carrier } from './carrier.ts';
import * as Code from './codes.ts';
import { isCutOff, localError, ParleyError } from './errors.ts';
import type { Path, RequestOf, ResponseOf } from './methods.ts';
import { pause } from './runtime.ts';
import type { Runtime } from './runtime.ts';
import type { Tokens } from './tokens.ts';

export interface CallLimits {
  /** The whole call, retries included; default 15 s. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

export const defaultDeadlineMs = 15_000;
const mostTries = 4;

/**
 * Unary calls. Every write of the API is idempotent by an id that is in its request, so all calls alike are tried again,
 * at most four times within the deadline, when the server was not there or asked to wait; and once with a new token.
 */
export class Caller {
  readonly #carrier: Carrier;
  readonly #tokens: Tokens;
  readonly #runtime: Runtime;

  constructor(carrier: Carrier, tokens: Tokens, runtime: Runtime) {
    this.#carrier = carrier;
    this.#tokens = tokens;
    this.#runtime = runtime;
  }

  /** Rejects with the server's ParleyError, with DEADLINE_EXCEEDED, or with TOKEN_UNAVAILABLE. */
  call<P extends Path>(path: P, request: RequestOf<P>, limits: CallLimits = {}): Promise<ResponseOf<P>> {
    const { signal } = limits;
    return this.tried(limits, (deadlineMs, token) => this.#carrier.call(path, request, { token, deadlineMs, signal }));
  }

  /** Does something of a call as often as a call is tried. `attempt` has the rest of the time. */
  async tried<T>(limits: CallLimits, attempt: (deadlineMs: number, token: string) => Promise<T>): Promise<T> {
    const endMs = this.#runtime.now() + (limits.deadlineMs ?? defaultDeadlineMs);
    const backoff = new Backoff(this.#runtime);
    for (let renewed = false; ;) {
      const token = await this.#tokens.current();
      try {
        return await attempt(Math.max(1, endMs - this.#runtime.now()), token);
      } catch (error) {
        if (!(error instanceof ParleyError)) throw error;
        if (error.code === Code.UNAUTHENTICATED && !renewed) {
          renewed = true;
          this.#tokens.refused(token);
          continue;
        }
        const maybe = error.code === Code.UNAVAILABLE || error.retryAfterMs !== undefined || isCutOff(error);
        if (!maybe || backoff.failures >= mostTries - 1) throw error;
        const waitMs = backoff.nextMs(error.retryAfterMs);
        if (this.#runtime.now() + waitMs >= endMs) throw error;
        await pause(this.#runtime, waitMs, limits.signal);
        if (limits.signal?.aborted === true)
          throw localError('CLIENT_CLOSED', 'the call was cancelled', Code.CANCELLED);
      }
    }
  }
}
