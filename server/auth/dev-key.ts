// A signing key for local use, so that a fresh clone needs no identity provider: made at the first start, kept in the
// data folder, never in git. Whoever can read it is every user; so the node listens on loopback only while it is in use.
import { randomUUID } from 'node:crypto';
import { chmod, link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose';
import type { JWK, JWTPayload } from 'jose';
import type { Clock } from '../core/clock.ts';
import { parseServiceName, parseUserId } from '../core/ids.ts';

export const devIssuer = 'parley-dev';
export const devAudience = 'parley';
/** Of services' tokens; the default of PARLEY_SERVICE_AUDIENCE. */
export const devServiceAudience = 'parley-service';
export const devAlgorithm = 'ES256';

export interface TokenOptions {
  readonly name?: string;
  readonly picture?: string;
  readonly deviceId?: string;
  /** Seconds until it expires. Default 24 hours. */
  readonly ttlS?: number;
}

export interface ServiceTokenOptions {
  /** Space separated. */
  readonly scope: string;
  /** Seconds until it expires. Default 24 hours. */
  readonly ttlS?: number;
}

export interface DevKey {
  /** The public half, as a JWKS file for node and gateway. */
  readonly jwksFile: string;
  /** There was none before: nothing that runs knows it yet. */
  readonly isNew: boolean;
  /** A token for the user. Throws when the id is no valid user id. */
  sign(user: string, options?: TokenOptions): Promise<string>;
  /** A token for the service. Throws when the name is no valid one. */
  signService(name: string, options: ServiceTokenOptions): Promise<string>;
}

/** Opens the key in `folder` (normally DATA/auth), making it when there is none. Two openers at once get one key. */
export async function openDevKey(folder: string, clock: Clock): Promise<DevKey> {
  const keyFile = path.join(folder, 'dev-key.json');
  const jwksFile = path.join(folder, 'dev-jwks.json');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const isNew = await createIfMissing(keyFile);
  await refuseIfShared(keyFile);
  const jwk = JSON.parse(await readFile(keyFile, 'utf8')) as JWK;
  await writePublicHalf(jwk, jwksFile);
  const key = await importJWK(jwk, devAlgorithm);
  const make = (subject: string, audience: string, ttlS: number, claims: JWTPayload): Promise<string> => {
    const nowS = Math.floor(clock.nowMs() / 1000);
    return new SignJWT(claims)
      .setProtectedHeader({ alg: devAlgorithm, kid: jwk.kid ?? '' })
      .setIssuer(devIssuer)
      .setAudience(audience)
      .setSubject(subject)
      .setIssuedAt(nowS)
      .setExpirationTime(nowS + ttlS)
      .sign(key);
  };
  return {
    jwksFile,
    isNew,
    async sign(user, options = {}) {
      const { name, picture, deviceId, ttlS = 86_400 } = options;
      return make(parseUserId(user), devAudience, ttlS, {
        ...(name === undefined ? {} : { name }),
        ...(picture === undefined ? {} : { picture }),
        ...(deviceId === undefined ? {} : { device_id: deviceId }),
      });
    },
    async signService(name, { scope, ttlS = 86_400 }) {
      return make(parseServiceName(name), devServiceAudience, ttlS, { scope });
    },
  };
}

/** True = it was made here. */
async function createIfMissing(keyFile: string): Promise<boolean> {
  if (await exists(keyFile)) return false;
  const { privateKey } = await generateKeyPair(devAlgorithm, { extractable: true });
  const jwk = await exportJWK(privateKey);
  const kid = await calculateJwkThumbprint(jwk);
  const draft = `${keyFile}.${randomUUID()}`;
  await writeFile(draft, `${JSON.stringify({ ...jwk, kid, alg: devAlgorithm, use: 'sig' })}\n`, { mode: 0o600 });
  try {
    // A link fails where a file is: the first of two makers wins and the other uses its key.
    await link(draft, keyFile);
    return true;
  } catch (error) {
    if (!(await exists(keyFile))) throw error;
    return false;
  } finally {
    await rm(draft, { force: true });
  }
}

async function refuseIfShared(keyFile: string): Promise<void> {
  const { mode } = await stat(keyFile);
  if ((mode & 0o077) !== 0) {
    throw new Error(`${keyFile} can be read by others, who could act as any user. Run: chmod 600 ${keyFile}`);
  }
}

async function writePublicHalf({ d: _private, ...publicJwk }: JWK, jwksFile: string): Promise<void> {
  const text = `${JSON.stringify({ keys: [publicJwk] }, null, 2)}\n`;
  if ((await readFile(jwksFile, 'utf8').catch(() => '')) === text) return;
  const draft = `${jwksFile}.${randomUUID()}`;
  await writeFile(draft, text);
  await chmod(draft, 0o644);
  await rename(draft, jwksFile);
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
