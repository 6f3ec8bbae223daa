import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs';
import { expect, test } from 'vitest';
import { devAlgorithm, devAudience, devIssuer, openDevKey } from './dev-key.ts';
import type { DevKey } from './dev-key.ts';
import { handClock, tempFolder } from './fixtures.ts';
import { openKeySource } from './jwks.ts';
import { Verifier } from './verifier.ts';

const clock = handClock();

async function verifierOf(key: DevKey): Promise<Verifier> {
  const keys = await openKeySource(key.jwksFile, { clock });
  return new Verifier({ keys, issuer: devIssuer, audience: devAudience, algorithms: [devAlgorithm], clock });
}

test('a token of the dev key is verified with the JWKS file beside it', async () => {
  await using folder = tempFolder();
  const key = await openDevKey(folder.file('auth'), clock);
  const verifier = await verifierOf(key);
  const token = await key.sign('álice 1', { name: 'Alice', ttlS: 60, deviceId: 'd1' });
  expect(await verifier.verify(token)).toEqual({
    userId: 'álice 1',
    name: 'Alice',
    deviceId: 'd1',
    expiresMs: clock.nowMs() + 60_000,
  });
});

test('the private key is for its owner only, and no other file has it', async () => {
  await using folder = tempFolder();
  const key = await openDevKey(folder.file('auth'), clock);
  expect(statSync(folder.file('auth')).mode & 0o777).toBe(0o700);
  expect(statSync(folder.file('auth/dev-key.json')).mode & 0o777).toBe(0o600);
  expect(JSON.parse(readFileSync(key.jwksFile, 'utf8')).keys[0]).not.toHaveProperty('d');
});

test('a second start finds the same key', async () => {
  await using folder = tempFolder();
  const token = await (await openDevKey(folder.file('auth'), clock)).sign('alice');
  const verifier = await verifierOf(await openDevKey(folder.file('auth'), clock));
  expect((await verifier.verify(token)).userId).toBe('alice');
});

test('ten first starts at once agree on one key', async () => {
  await using folder = tempFolder();
  const keys = await Promise.all(Array.from({ length: 10 }, () => openDevKey(folder.file('auth'), clock)));
  const verifier = await verifierOf(await openDevKey(folder.file('auth'), clock));
  for (const key of keys) expect((await verifier.verify(await key.sign('alice'))).userId).toBe('alice');
});

test('a key that others can read is refused with the command that helps', async () => {
  await using folder = tempFolder();
  await openDevKey(folder.file('auth'), clock);
  const file = folder.file('auth/dev-key.json');
  chmodSync(file, 0o644);
  await expect(openDevKey(folder.file('auth'), clock)).rejects.toThrow(`chmod 600 ${file}`);
});

test('no token is signed for what is no user id', async () => {
  await using folder = tempFolder();
  const key = await openDevKey(folder.file('auth'), clock);
  await expect(key.sign('')).rejects.toThrow('user_id');
  await expect(key.sign('a\nb')).rejects.toThrow('user_id');
  expect(existsSync(key.jwksFile)).toBe(true);
});
