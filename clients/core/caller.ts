import { Backoff } from './backoff.ts';
import type { Carrier } from './carrier.ts';
import * as Code from './codes.ts';
import { localError, ParleyError } from './errors.ts';
import type { Path, RequestOf, ResponseOf } from './methods.ts';
import type { Runtime } from './runtime.ts';
import type { Tokens } from './tokens.ts';

export interface CallLimits {
  /** The whole call, retries included; default 15 s. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

const defaultDeadlineMs = 15_000;
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
  async call<P extends Path>(path: P, request: RequestOf<P>, limits: CallLimits = {}): Promise<ResponseOf<P>> {
    const endMs = this.#runtime.now() + (limits.deadlineMs ?? defaultDeadlineMs);
    const backoff = new Backoff(this.#runtime);
    for (let renewed = false; ;) {
      const token = await this.#tokens.current();
      try {
        const deadlineMs = Math.max(1, endMs - this.#runtime.now());
        return await this.#carrier.call(path, request, { token, deadlineMs, signal: limits.signal });
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
        await this.#pause(waitMs, limits.signal);
      }
    }
  }

  #pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const cancelled = (): void => {
        timer.cancel();
        reject(localError('CLIENT_CLOSED', 'the call was cancelled', Code.CANCELLED));
      };
      const timer = this.#runtime.setTimer(ms, () => {
        signal?.removeEventListener('abort', cancelled);
        resolve();
      });
      if (signal?.aborted === true) cancelled();
      else signal?.addEventListener('abort', cancelled, { once: true });
    });
  }
}

/** A node died within its answer: HTTP/2 has no better word for a stream that ends so, and no node gave a reason. */
function isCutOff({ code, reason }: ParleyError): boolean {
  return code === Code.INTERNAL && reason === 'NO_REASON';
}
