import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { exportJWK } from 'jose';
import { expect, test } from 'vitest';
import type { UserId } from '../core/ids.ts';
import { devAudience, devIssuer, openDevKey } from './dev-key.ts';
import { handClock, tempFolder } from './fixtures.ts';
import { openKeySource } from './jwks.ts';
import { devKeyBeside, Minter } from './minter.ts';
import { Verifier } from './verifier.ts';

const clock = handClock();
const of = { issuer: devIssuer, audience: devAudience, clock };
const alice = 'alice' as UserId;

async function verifierOf(jwksFile: string): Promise<Verifier> {
  const keys = await openKeySource(jwksFile, { clock });
  return new Verifier({ ...of, keys, algorithms: ['ES256', 'ES384', 'RS256', 'EdDSA'] });
}

const pairs = {
  'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'P-384': generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  RSA: generateKeyPairSync('rsa', { modulusLength: 2_048 }),
  Ed25519: generateKeyPairSync('ed25519'),
};

test.each(Object.entries(pairs))(
  'a %s key signs tokens as a PEM and as a JWK',
  async (_, { privateKey, publicKey }) => {
    await using folder = tempFolder();
    const file = folder.file('jwks.json');
    writeFileSync(file, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1' }] }));
    const verifier = await verifierOf(file);
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    const jwk = JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid: 'k1' });
    for (const key of [pem, jwk]) {
      const { token, expiresMs } = await new Minter({ ...of, key }).mint({
        userId: alice,
        lifetimeS: 60,
        deviceId: 'phone',
        name: 'Alice',
      });
      const told = { userId: 'alice', deviceId: 'phone', name: 'Alice', expiresMs: clock.nowMs() + 60_000 };
      expect(await verifier.verify(token)).toEqual(told);
      expect(expiresMs).toBe(told.expiresMs);
    }
  },
);

test('the dev key is found beside its public half, and nothing beside a file that is not its', async () => {
  await using folder = tempFolder();
  const { jwksFile } = await openDevKey(folder.file('auth'), clock);
  const key = (await devKeyBeside(jwksFile)) ?? '';
  const { token } = await new Minter({ ...of, key }).mint({ userId: alice, lifetimeS: 60 });
  expect((await (await verifierOf(jwksFile)).verify(token)).userId).toBe('alice');
  expect(await devKeyBeside(folder.file('jwks.json'))).toBeUndefined();
});

test.each(['not a key', '{"kty":"EC"}', '{"secret', '-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----'])(
  'what is no private key is refused without a word of it: %j',
  (key) => {
    expect(() => new Minter({ ...of, key })).toThrow('this is no private key, neither a JWK nor a PEM');
  },
);
