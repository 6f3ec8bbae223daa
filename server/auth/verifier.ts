// Who is calling: from a bearer token (a JWT) to an identity, on every call, in the node. The gateway has looked at the
// same token before; the node does not rely on that, since it may be reached without the gateway.
//
// Promises: signature, issuer, audience, expiry and algorithm are all checked, each from configuration and never from
// the token. A token that was verified once costs a hash and a map look-up until it expires or the key set changes.
// Fails with an AuthError (a Refusal); anything else thrown here is a bug.
import { hash } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import type { JWTPayload } from 'jose';
import type { Clock } from '../core/clock.ts';
import { parseUserId } from '../core/ids.ts';
import type { UserId } from '../core/ids.ts';
import { Lru } from '../core/lru.ts';
import { AuthError } from './auth-error.ts';
import type { KeySet, KeySource } from './jwks.ts';
import { toAuthError } from './refusals.ts';

export interface Identity {
  /** The token's `sub`. */
  readonly userId: UserId;
  /** `name` and `picture` claims; absent when the token has none or they are unreasonably long. */
  readonly name?: string;
  readonly picture?: string;
  /** The `device_id` claim: a token bound to one device. */
  readonly deviceId?: string;
  /** The `scope` claim, split at spaces: what a service may ask for. Absent when there is none, as in users' tokens. */
  readonly scopes?: readonly string[];
  /** When the token ends, in milliseconds since 1970. */
  readonly expiresMs: number;
}

export interface VerifierOptions {
  readonly keys: KeySource;
  readonly issuer: string;
  readonly audience: string;
  /** Only these, for instance ['ES256', 'RS256']. Symmetric algorithms and `none` are refused at construction. */
  readonly algorithms: readonly string[];
  readonly clock: Clock;
  /** Verified tokens remembered, about 500 bytes each. Default 20,000. */
  readonly cacheSize?: number;
}

/** Clocks of token makers may be this far off. The gateway's `clock_skew_seconds` says the same. */
const clockSkewS = 5;

/** Longer tokens are refused unread; the gateway's header limit is 16 KiB for all headers together. */
const maxTokenBytes = 8192;

const usableAlgorithms = /^(?:ES(?:256|384|512)|[RP]S(?:256|384|512)|EdDSA|Ed25519)$/;

interface Remembered {
  readonly identity: Identity;
  readonly keys: KeySet;
}

export class Verifier {
  readonly #options: VerifierOptions;
  /** By SHA-256 of the token, so that no bearer token stays in memory. */
  readonly #verified: Lru<string, Remembered>;

  constructor(options: VerifierOptions) {
    const unusable = options.algorithms.filter((name) => !usableAlgorithms.test(name));
    if (unusable.length > 0 || options.algorithms.length === 0) {
      throw new RangeError(
        `JWT algorithms must be asymmetric ones such as ES256 or RS256, not "${unusable.join(', ')}"`,
      );
    }
    this.#options = options;
    this.#verified = new Lru(options.cacheSize ?? 20_000);
  }

  /** `token` is the JWT alone, without "Bearer ". Throws AuthError. */
  async verify(token: string): Promise<Identity> {
    if (token === '') {
      throw new AuthError('TOKEN_MISSING', 'Send a token: authorization metadata of the form "Bearer <JWT>".');
    }
    if (token.length > maxTokenBytes) {
      throw new AuthError('TOKEN_MALFORMED', `The token is over ${maxTokenBytes} bytes long.`);
    }
    const { keys, clock } = this.#options;
    const keySet = await keys.current();
    const id = hash('sha256', token, 'base64url');
    const remembered = this.#verified.get(id);
    if (remembered !== undefined && remembered.keys === keySet) {
      if (remembered.identity.expiresMs + clockSkewS * 1000 > clock.nowMs()) return remembered.identity;
      this.#verified.delete(id);
      throw new AuthError('TOKEN_EXPIRED', 'The token has expired: get a new one.');
    }
    const verified = await this.#check(token, keySet);
    this.#verified.set(id, verified);
    return verified.identity;
  }

  async #check(token: string, keySet: KeySet): Promise<Remembered> {
    try {
      return { identity: identityOf(await this.#payload(token, keySet)), keys: keySet };
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw toAuthError(error);
    }
    // The key may be newer than our set: look once more, if the source has not been asked too recently.
    try {
      const newer = await this.#options.keys.refreshedFor(keySet);
      return { identity: identityOf(await this.#payload(token, newer)), keys: newer };
    } catch (error) {
      throw toAuthError(error);
    }
  }

  async #payload(token: string, keySet: KeySet): Promise<JWTPayload> {
    const { issuer, audience, algorithms, clock } = this.#options;
    const options = {
      issuer,
      audience,
      algorithms: [...algorithms],
      requiredClaims: ['exp', 'sub'],
      clockTolerance: clockSkewS,
      currentDate: new Date(clock.nowMs()),
    };
    try {
      return (await jwtVerify(token, keySet.find, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      // A token without `kid`, and several keys of its algorithm: one of them has to fit.
      let refusal: unknown = new errors.JWKSNoMatchingKey();
      for await (const key of error) {
        try {
          return (await jwtVerify(token, key, options)).payload;
        } catch (failure) {
          refusal = failure;
          if (!(failure instanceof errors.JWSSignatureVerificationFailed)) break;
        }
      }
      throw refusal;
    }
  }
}

function identityOf(payload: JWTPayload): Identity {
  const { sub, exp, name, picture, device_id: deviceId, scope } = payload;
  if (typeof exp !== 'number') throw new AuthError('TOKEN_MALFORMED', 'The token has no expiry (`exp`).');
  return {
    userId: subjectOf(sub),
    expiresMs: exp * 1000,
    ...(isShort(name, 256) ? { name } : {}),
    ...(isShort(picture, 2048) ? { picture } : {}),
    ...(isShort(deviceId, 128) ? { deviceId } : {}),
    ...(isShort(scope, 1024) ? { scopes: scope.split(' ').filter(Boolean) } : {}),
  };
}

function subjectOf(sub: string | undefined): UserId {
  try {
    return parseUserId(sub ?? '');
  } catch (error) {
    throw new AuthError('TOKEN_SUBJECT', "The token's subject (`sub`) is not a user id.", error);
  }
}

function isShort(claim: unknown, maxLength: number): claim is string {
  return typeof claim === 'string' && claim !== '' && claim.length <= maxLength;
}
