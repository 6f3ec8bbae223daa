// Tokens of users, made by a node for a service that signs people in (parley.service.v1.TokenService). The key is one of those that PARLEY_JWKS
// publishes, so nodes and gateway take what is made here as they take an issuer's.
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { type JWK, SignJWT } from 'jose';
import type { Clock } from '../core/clock.ts';
import type { UserId } from '../core/ids.ts';

export interface MinterOptions {
  /** A private key: the text of a JWK, or of a PEM. */
  readonly key: string;
  /** As the nodes want them of users' tokens. */
  readonly issuer: string;
  readonly audience: string;
  readonly clock: Clock;
}

/** What the token is to say. */
export interface Grant {
  readonly userId: UserId;
  readonly lifetimeS: number;
  readonly deviceId?: string;
  readonly name?: string;
}

export interface Minted {
  readonly token: string;
  /** Wall ms. */
  readonly expiresMs: number;
}

/** Signs tokens of users. */
export class Minter {
  readonly #options: MinterOptions;
  readonly #key: KeyObject;
  readonly #header: { readonly alg: string; readonly kid?: string };

  /** @throws Error, with words and nothing of the key, when it is none that can sign */
  constructor(options: MinterOptions) {
    this.#options = options;
    const { key, jwk } = readKey(options.key);
    const alg = jwk?.alg ?? algorithmOf(key);
    this.#key = key;
    // Without a key id each key of the algorithm is tried.
    this.#header = jwk?.kid === undefined ? { alg } : { alg, kid: jwk.kid };
  }

  async mint({ userId, lifetimeS, deviceId, name }: Grant): Promise<Minted> {
    const { issuer, audience, clock } = this.#options;
    const nowS = Math.floor(clock.nowMs() / 1_000);
    const token = await new SignJWT({
      ...(name === undefined ? {} : { name }),
      ...(deviceId === undefined ? {} : { device_id: deviceId }),
    })
      .setProtectedHeader(this.#header)
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(userId)
      .setIssuedAt(nowS)
      .setExpirationTime(nowS + lifetimeS)
      .sign(this.#key);
    return { token, expiresMs: (nowS + lifetimeS) * 1_000 };
  }
}

/** The dev key whose public half `jwksFile` is; undefined when the file is not one that the dev key made. */
export async function devKeyBeside(jwksFile: string): Promise<string | undefined> {
  const file = path.join(path.dirname(jwksFile), 'dev-key.json');
  const found = await stat(file).catch(() => undefined);
  // One that others can read is no key: see dev-key.ts.
  if (found === undefined || (found.mode & 0o077) !== 0) return undefined;
  return readFile(file, 'utf8');
}

function readKey(text: string): { readonly key: KeyObject; readonly jwk?: JWK } {
  try {
    if (!text.startsWith('{')) return { key: createPrivateKey(text) };
    const jwk = JSON.parse(text) as JWK;
    return { key: createPrivateKey({ key: jwk, format: 'jwk' }), jwk };
  } catch {
    // What is said of it may repeat parts of the key.
    throw new Error('this is no private key, neither a JWK nor a PEM');
  }
}

function algorithmOf(key: KeyObject): string {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === 'ed25519') return 'EdDSA';
  if (type === 'rsa') return 'RS256';
  const curve = type === 'ec' ? curves[details?.namedCurve ?? ''] : undefined;
  if (curve === undefined) throw new Error(`a key of type ${type} signs no token: take P-256, RSA or Ed25519`);
  return curve;
}

const curves: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };
