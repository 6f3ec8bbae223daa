import type { Welcome } from '#proto/parley/v1/stream_service.ts';
import type { Runtime, Timer } from './runtime.ts';
import type { Session } from './session.ts';
import { msOf } from './times.ts';
import type { Tokens } from './tokens.ts';

/** A new token is fetched this long before the old one expires, or when a fifth of its time is left if that is less. */
const aheadMs = 60_000;
/** After a failure it is tried again this soon, as long as the old token lasts. */
const againMs = 5000;
/** Bounds the rate of renewals when `getToken` gives tokens that are as good as over. */
const soonestMs = 500;

/**
 * Gives a session a new token before its old one expires. Reckons with the server's clock, which Welcome tells, never
 * with this machine's.
 */
export class Reauthentication {
  readonly #tokens: Tokens;
  readonly #runtime: Runtime;
  #timer: Timer | undefined;
  /** Server time minus `Runtime.now`. */
  #skewMs = 0;

  constructor(tokens: Tokens, runtime: Runtime) {
    this.#tokens = tokens;
    this.#runtime = runtime;
  }

  /** Begins for a session that is open now; ends with `stop` or the next `start`. */
  start(session: Session, welcome: Welcome): void {
    const serverMs = msOf(welcome.serverTime);
    if (serverMs !== undefined) this.#skewMs = serverMs - this.#runtime.now();
    this.#plan(session, serverMs === undefined ? undefined : msOf(welcome.tokenExpireTime));
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #plan(session: Session, expiryMs: number | undefined): void {
    this.stop();
    if (expiryMs === undefined) return;
    const leftMs = expiryMs - this.#skewMs - this.#runtime.now();
    this.#set(session, Math.max(soonestMs, leftMs - Math.min(aheadMs, leftMs / 5)));
  }

  #set(session: Session, waitMs: number): void {
    this.#timer = this.#runtime.setTimer(waitMs, () => {
      this.#timer = undefined;
      void this.#renew(session);
    });
  }

  async #renew(session: Session): Promise<void> {
    let token: string;
    try {
      token = await this.#tokens.fresh();
    } catch {
      if (session.isOpen && this.#timer === undefined) this.#set(session, againMs);
      return;
    }
    if (!session.isOpen || this.#timer !== undefined) return;
    session.request({ $case: 'reauthenticate', value: { token } }, (outcome) => {
      if (outcome.ok && outcome.result?.$case === 'reauthenticate') {
        this.#plan(session, msOf(outcome.result.value.tokenExpireTime));
      } else if (session.isOpen && this.#timer === undefined) this.#set(session, againMs);
    });
  }
}
