// For the tests of this room: a clock turned by hand, issuers with real keys, and a JWKS source that can break.
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import type { Clock } from '../core/clock.ts';

export interface HandClock extends Clock {
  advance(ms: number): void;
}

/** Starts at 2026-01-01. Timers never fire: what this room times out is real I/O, which these tests do not hang. */
export function handClock(): HandClock {
  let ms = 0;
  return {
    nowMs: () => Date.UTC(2026, 0, 1) + ms,
    monotonicMs: () => ms,
    after: () => ({ cancel: () => {} }),
    random: () => 0.5,
    advance: (by) => {
      ms += by;
    },
  };
}

export interface TestIssuer {
  readonly publicJwk: JWK;
  /** Signs with the issuer's key; `claims` and `header` replace the good ones, undefined leaves one out. */
  token(claims?: Record<string, unknown>, header?: { alg?: string; kid?: string | undefined }): Promise<string>;
}

export const goodIssuer = 'https://id.example';
export const goodAudience = 'parley';

export async function makeIssuer(kid: string, clock: Clock, alg = 'ES256'): Promise<TestIssuer> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return {
    publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' },
    token: (claims = {}, header = {}) => sign(privateKey, clock, claims, { alg, kid, ...header }),
  };
}

async function sign(
  key: CryptoKey,
  clock: Clock,
  claims: Record<string, unknown>,
  header: { alg: string; kid?: string | undefined },
): Promise<string> {
  const nowS = Math.floor(clock.nowMs() / 1000);
  const all = { iss: goodIssuer, aud: goodAudience, sub: 'alice', iat: nowS, exp: nowS + 3600, ...claims };
  const present = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  const { kid, alg } = header;
  return new SignJWT(present).setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) }).sign(key);
}

export interface KeyServer extends AsyncDisposable {
  readonly url: string;
  /** Requests so far. */
  readonly asked: number;
  /** What it answers from now on. */
  answer: { status: number; body: string };
}

/** A JWKS over HTTP on a free loopback port. */
export async function keyServer(body: string): Promise<KeyServer> {
  const served = { answer: { status: 200, body }, asked: 0 };
  const server = createServer((_request, response) => {
    served.asked += 1;
    response.writeHead(served.answer.status).end(served.answer.body);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(served, {
    url: `http://127.0.0.1:${port}/jwks.json`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

export function jwksOf(...issuers: readonly TestIssuer[]): string {
  return JSON.stringify({ keys: issuers.map((issuer) => issuer.publicJwk) });
}

export interface TempFolder extends AsyncDisposable {
  file(name: string): string;
}

export function tempFolder(): TempFolder {
  const folder = mkdtempSync(path.join(tmpdir(), 'parley-auth-'));
  return {
    file: (name) => path.join(folder, name),
    [Symbol.asyncDispose]: async () => rm(folder, { recursive: true }),
  };
}
