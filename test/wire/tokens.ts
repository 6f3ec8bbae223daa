// Tokens that are wrong in one way each, made with the platform's own dev key where the key is not what is wrong.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type JWK, type JWTPayload, SignJWT, UnsecuredJWT, generateKeyPair, importJWK } from 'jose';
import { devAlgorithm, devAudience, devIssuer } from '../../server/auth/dev-key.ts';

export type WrongToken = { what: string; token: string | undefined; reason: string };

/** `dataDir` of a platform that uses the dev key; `audience`: whose port they are for, of users by default. */
export async function wrongTokens(dataDir: string, audience = devAudience): Promise<WrongToken[]> {
  const jwk = JSON.parse(await readFile(path.join(dataDir, 'auth', 'dev-key.json'), 'utf8')) as JWK;
  const key = await importJWK(jwk, devAlgorithm);
  const { privateKey: otherKey } = await generateKeyPair(devAlgorithm);
  const nowS = Math.floor(Date.now() / 1000);
  const claims: JWTPayload = { sub: 'mallory', iss: devIssuer, aud: audience, iat: nowS, exp: nowS + 3600 };
  const sign = async (payload: JWTPayload, by: typeof key = key, kid: string = jwk.kid ?? ''): Promise<string> =>
    new SignJWT(payload).setProtectedHeader({ alg: devAlgorithm, kid }).sign(by);
  const { exp: _, ...endless } = claims;
  const { sub: __, ...nobody } = claims;
  return [
    { what: 'no token', token: undefined, reason: 'TOKEN_MISSING' },
    { what: 'a token that is no JWT', token: 'open-sesame', reason: 'TOKEN_INVALID' },
    { what: 'an expired token', token: await sign({ ...claims, exp: nowS - 300 }), reason: 'TOKEN_EXPIRED' },
    { what: 'an unsigned token', token: new UnsecuredJWT(claims).encode(), reason: 'TOKEN_INVALID' },
    { what: 'a token for another audience', token: await sign({ ...claims, aud: 'other' }), reason: 'TOKEN_INVALID' },
    { what: 'a token of another issuer', token: await sign({ ...claims, iss: 'other' }), reason: 'TOKEN_INVALID' },
    {
      what: 'a token signed by another key under our kid',
      token: await sign(claims, otherKey),
      reason: 'TOKEN_INVALID',
    },
    { what: 'a token signed by an unknown key', token: await sign(claims, otherKey, 'none'), reason: 'TOKEN_INVALID' },
    { what: 'a token that never expires', token: await sign(endless), reason: 'TOKEN_INVALID' },
    { what: 'a token without a user', token: await sign(nobody), reason: 'TOKEN_INVALID' },
    {
      what: 'a token whose user id has a control character',
      token: await sign({ ...claims, sub: 'mal\u0007lory' }),
      reason: 'TOKEN_INVALID',
    },
  ];
}
