import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { Refusal } from '../core/errors.ts';

const macBytes = 16;
const maxTokenLength = 2_048;

/**
 * Opaque strings by which a list goes on: made for one user and one request, and good for nothing else. They hold the
 * place in the clear, authenticated by a key that all nodes share; they do not expire.
 */
export class PageTokens {
  readonly #key: KeyObject;

  /** `key`: at least 16 secret bytes, the same on every node. */
  constructor(key: Uint8Array) {
    this.#key = createSecretKey(key);
  }

  /** `scope`: the RPC, the user, and every parameter that must not change between pages. */
  make(scope: readonly string[], place: readonly string[]): string {
    const payload = Buffer.from(JSON.stringify(place));
    return Buffer.concat([this.#mac(scope, payload), payload]).toString('base64url');
  }

  /** The place, of `parts` strings; undefined for an empty token. @throws Refusal INVALID_TOKEN */
  read(scope: readonly string[], token: string, parts: number): readonly string[] | undefined {
    if (token === '') return undefined;
    if (token.length > maxTokenLength) throw invalidToken();
    const bytes = Buffer.from(token, 'base64url');
    // Another spelling of the same bytes is not a token that was given out.
    if (bytes.length <= macBytes || bytes.toString('base64url') !== token) throw invalidToken();
    const payload = bytes.subarray(macBytes);
    if (!timingSafeEqual(bytes.subarray(0, macBytes), this.#mac(scope, payload))) throw invalidToken();
    const place = JSON.parse(payload.toString()) as string[];
    if (place.length !== parts) throw invalidToken();
    return place;
  }

  #mac(scope: readonly string[], payload: Buffer): Buffer {
    const mac = createHmac('sha256', this.#key).update(JSON.stringify(scope)).update('\0').update(payload);
    return mac.digest().subarray(0, macBytes);
  }
}

function invalidToken(): Refusal {
  return new Refusal(
    'INVALID_TOKEN',
    'page_token is not of this service, or was made for another request: begin without it',
    {
      fields: [{ field: 'page_token', description: 'must be of the last answer to the same request' }],
    },
  );
}
