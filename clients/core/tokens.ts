import * as Code from './codes.ts';
import { anotherUser, localError, ParleyError } from './errors.ts';
import { inTime } from './later.ts';
import type { Runtime } from './runtime.ts';
import { bytesOfBase64 } from './wire.ts';

/** Fetches a bearer token, without the word; asked again before the last one expires, and when there is no answer within 15 s. */
export type GetToken = () => Promise<string> | string;

/** Without a readable expiry, or with one that is over already by this machine's clock, a token is used this long before the next is fetched. */
const blindUseMs = 60_000;
/** A token this near its expiry is not used for anything new. */
const marginMs = 5000;
/** A fetch without an answer for this long is given up: what it waits for may be gone, as a network is that was left. */
const fetchMs = 15_000;

/** Keeps the last token while it is good, and lets all who want one at once wait for the same fetch. */
export class Tokens {
  readonly #getToken: GetToken;
  readonly #runtime: Runtime;
  readonly #userId: string | undefined;
  #token = '';
  #goodUntilMs = 0;
  #fetching: Promise<string> | undefined;

  /** `userId`: whose tokens are taken; undefined = anybody's. */
  constructor(getToken: GetToken, runtime: Runtime, userId?: string) {
    this.#getToken = getToken;
    this.#runtime = runtime;
    this.#userId = userId;
  }

  /** A token that is good now. Rejects with TOKEN_UNAVAILABLE, and with ANOTHER_USER when what was fetched is of another. */
  current(): Promise<string> {
    return this.#runtime.wallNow() < this.#goodUntilMs ? Promise.resolve(this.#token) : this.fresh();
  }

  /** A token fetched now, whatever is kept: the kept one was refused, or is about to expire. */
  fresh(): Promise<string> {
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  /** Says that a server refused this token. */
  refused(token: string): void {
    if (token === this.#token) this.#goodUntilMs = 0;
  }

  async #fetch(): Promise<string> {
    try {
      const token = await inTime(this.#getToken, this.#runtime, fetchMs);
      const { sub } = claimsOf(token);
      // What it is used for would be done as that user, and told as this one's.
      if (this.#userId !== undefined && typeof sub === 'string' && sub !== this.#userId) throw anotherUser(sub);
      this.#token = token;
      const nowMs = this.#runtime.wallNow();
      const untilMs = expiryMs(token) ?? 0;
      this.#goodUntilMs = (untilMs > nowMs ? untilMs : nowMs + blindUseMs) - marginMs;
      return token;
    } catch (error) {
      if (error instanceof ParleyError) throw error;
      throw localError('TOKEN_UNAVAILABLE', 'no token could be had', Code.UNAVAILABLE, error);
    }
  }
}

function expiryMs(token: string): number | undefined {
  const { exp } = claimsOf(token);
  return typeof exp === 'number' ? exp * 1000 : undefined;
}

/** What a JWT claims; nothing when it cannot be read. Nothing is verified: the server does that. */
export function claimsOf(token: string): { readonly exp?: unknown; readonly sub?: unknown } {
  try {
    const bytes = bytesOfBase64((token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/'));
    const text = new TextDecoder().decode(bytes);
    return (JSON.parse(text) as object | null) ?? {};
  } catch {
    return {};
  }
}
