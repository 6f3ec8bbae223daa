// The keys that tokens are checked with: a JWKS from a file or from a URL, replaced without a restart.
//
// Promises: `current()` answers at once whenever there is any key set. A file is looked at again at most once a second,
// a URL fetched again every five minutes in the background. When the source is down or gives nonsense, the last good
// set stays, and `problem` says so. Of a URL the last good set is kept on disk too, so that a node restarted while the
// issuer is down still knows its users; a key the issuer withdrew lives on no longer than that outage.
import { createLocalJWKSet } from 'jose';
import type { JSONWebKeySet, JWTVerifyGetKey } from 'jose';
import type { Clock } from '../core/clock.ts';
import { AuthError } from './auth-error.ts';
import { fileOrigin, urlOrigin } from './jwks-origin.ts';
import type { Origin } from './jwks-origin.ts';

/** One state of the keys. A changed source gives a new object. */
export interface KeySet {
  readonly find: JWTVerifyGetKey;
}

export interface KeySource {
  /** The keys as known now. Throws AuthError KEYS_UNAVAILABLE while there never were any. */
  current(): Promise<KeySet>;
  /** A set newer than `stale`, for a key that is not in it; `stale` itself when the source was asked less than a minute ago. */
  refreshedFor(stale: KeySet): Promise<KeySet>;
  /** Why the last look at the source failed, for logs and health; undefined when it did not. */
  readonly problem: Error | undefined;
}

export interface KeySourceOptions {
  readonly clock: Clock;
  /** Where the last good set of a URL is kept (public keys only). Without it nothing is kept. */
  readonly keepFile?: string;
}

/** How long an unknown key waits for the next look at a URL, however many tokens name it. */
const unknownKeyPauseMs = 60_000;

/** `source` is a path or an http(s) URL. A file that cannot be read or has no keys throws here: it is a wrong setting. */
export async function openKeySource(source: string, options: KeySourceOptions): Promise<KeySource> {
  const isUrl = /^https?:\/\//.test(source);
  const keys = new ReloadingKeys(source, isUrl ? urlOrigin(source, options) : fileOrigin(source), options.clock);
  await keys.open();
  return keys;
}

class ReloadingKeys implements KeySource {
  readonly #source: string;
  readonly #origin: Origin;
  readonly #clock: Clock;
  #set: KeySet | undefined;
  #text = '';
  #askedMs = Number.NEGATIVE_INFINITY;
  /** The look that is under way, shared by all who want one. */
  #looking: Promise<void> | undefined;
  problem: Error | undefined;

  constructor(source: string, origin: Origin, clock: Clock) {
    this.#source = source;
    this.#origin = origin;
    this.#clock = clock;
  }

  async open(): Promise<void> {
    await this.#look();
    if (this.#set !== undefined) return;
    const kept = await this.#origin.kept();
    if (kept !== undefined) this.#accept(kept);
    else if (this.#origin.mustExist) {
      throw new Error(`no keys in ${this.#source}: ${this.problem?.message ?? 'it is empty'}`, { cause: this.problem });
    }
  }

  async current(): Promise<KeySet> {
    const ageMs = this.#clock.monotonicMs() - this.#askedMs;
    if (this.#set === undefined) {
      if (ageMs >= this.#origin.pauseWithoutKeysMs) await this.#look();
    } else if (ageMs >= this.#origin.maxAgeMs) {
      const look = this.#look();
      if (this.#origin.isQuick) await look;
    }
    if (this.#set === undefined) {
      throw new AuthError(
        'KEYS_UNAVAILABLE',
        'The keys to check tokens cannot be had just now: try again.',
        this.problem,
      );
    }
    return this.#set;
  }

  async refreshedFor(stale: KeySet): Promise<KeySet> {
    if (this.#set === stale || this.#set === undefined) {
      if (this.#origin.isQuick || this.#clock.monotonicMs() - this.#askedMs >= unknownKeyPauseMs) await this.#look();
    }
    return this.#set ?? stale;
  }

  #look(): Promise<void> {
    this.#looking ??= this.#read().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #read(): Promise<void> {
    this.#askedMs = this.#clock.monotonicMs();
    try {
      const text = await this.#origin.read();
      if (text === undefined) return;
      if (text !== this.#text) {
        this.#accept(text);
        await this.#origin.keep(text);
      }
      this.problem = undefined;
    } catch (error) {
      this.problem = error instanceof Error ? error : new Error(String(error));
    }
  }

  #accept(text: string): void {
    this.#set = { find: createLocalJWKSet(parseKeys(text)) };
    this.#text = text;
  }
}

function parseKeys(text: string): JSONWebKeySet {
  const parsed: unknown = JSON.parse(text);
  const keys = typeof parsed === 'object' && parsed !== null && 'keys' in parsed ? parsed.keys : undefined;
  if (!Array.isArray(keys) || keys.length === 0) throw new Error('the JWKS has no "keys"');
  return { keys };
}
