import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { goodAudience, goodIssuer, handClock, jwksOf, keyServer, makeIssuer, tempFolder } from './fixtures.ts';
import { openKeySource } from './jwks.ts';
import type { KeySource } from './jwks.ts';
import { Verifier } from './verifier.ts';

const clock = handClock();
const old = await makeIssuer('old', clock);
const young = await makeIssuer('young', clock);

function verifierOf(keys: KeySource): Verifier {
  return new Verifier({ keys, issuer: goodIssuer, audience: goodAudience, algorithms: ['ES256'], clock });
}

async function accepts(keys: KeySource, issuer: typeof old): Promise<boolean> {
  return verifierOf(keys)
    .verify(await issuer.token())
    .then(
      () => true,
      () => false,
    );
}

/** Lets a fetch that was begun in the background come to its end. */
async function settled(condition: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(condition, { interval: 5, timeout: 5000 }).toBe(true);
}

test('a file is read again when it was overwritten', async () => {
  await using folder = tempFolder();
  const file = folder.file('jwks.json');
  writeFileSync(file, jwksOf(old));
  const keys = await openKeySource(file, { clock });
  expect([await accepts(keys, old), await accepts(keys, young)]).toEqual([true, false]);
  writeFileSync(file, jwksOf(old, young));
  clock.advance(1000);
  expect([await accepts(keys, old), await accepts(keys, young)]).toEqual([true, true]);
});

test('a file is read again when it was replaced', async () => {
  await using folder = tempFolder();
  const file = folder.file('jwks.json');
  writeFileSync(file, jwksOf(old));
  const keys = await openKeySource(file, { clock });
  writeFileSync(`${file}.new`, jwksOf(young));
  renameSync(`${file}.new`, file);
  clock.advance(1000);
  expect([await accepts(keys, old), await accepts(keys, young)]).toEqual([false, true]);
});

test.each(['', '{"keys":', '{"keys":[]}', '[]', 'null'])(
  'with the file broken (%j) the last good keys stay',
  async (text) => {
    await using folder = tempFolder();
    const file = folder.file('jwks.json');
    writeFileSync(file, jwksOf(old));
    const keys = await openKeySource(file, { clock });
    writeFileSync(file, text);
    clock.advance(1000);
    expect(await accepts(keys, old)).toBe(true);
    expect(keys.problem).toBeInstanceOf(Error);
    writeFileSync(file, jwksOf(young));
    clock.advance(1000);
    expect(await accepts(keys, young)).toBe(true);
    expect(keys.problem).toBeUndefined();
  },
);

test('with the file gone the last good keys stay', async () => {
  await using folder = tempFolder();
  const file = folder.file('jwks.json');
  writeFileSync(file, jwksOf(old));
  const keys = await openKeySource(file, { clock });
  rmSync(file);
  clock.advance(1000);
  expect(await accepts(keys, old)).toBe(true);
});

test('a file that is missing or broken at the start is an error of the settings', async () => {
  await using folder = tempFolder();
  const file = folder.file('jwks.json');
  await expect(openKeySource(file, { clock })).rejects.toThrow(`no keys in ${file}: ENOENT`);
  writeFileSync(file, '{}');
  await expect(openKeySource(file, { clock })).rejects.toThrow('keys');
});

test('a URL is fetched again every five minutes, while calls go on with what is known', async () => {
  await using server = await keyServer(jwksOf(old));
  const keys = await openKeySource(server.url, { clock });
  clock.advance(299_000);
  expect(await accepts(keys, old)).toBe(true);
  expect(server.asked).toBe(1);
  server.answer = { status: 200, body: jwksOf(young) };
  clock.advance(1000);
  expect(await accepts(keys, old)).toBe(true);
  await settled(() => accepts(keys, young));
  expect(server.asked).toBe(2);
  expect(await accepts(keys, old)).toBe(false);
});

test('an unknown key is looked for at the URL at once, but at most once a minute', async () => {
  await using server = await keyServer(jwksOf(old));
  const keys = await openKeySource(server.url, { clock });
  clock.advance(60_000);
  server.answer = { status: 200, body: jwksOf(old, young) };
  expect(await accepts(keys, young)).toBe(true);
  expect(server.asked).toBe(2);

  const stranger = await makeIssuer('stranger', clock);
  for (let call = 0; call < 20; call += 1) expect(await accepts(keys, stranger)).toBe(false);
  expect(server.asked).toBe(2);
  clock.advance(60_000);
  await Promise.all(Array.from({ length: 20 }, () => accepts(keys, stranger)));
  expect(server.asked).toBe(3);
});

test('while the URL is down the last good keys stay', async () => {
  await using server = await keyServer(jwksOf(old));
  const keys = await openKeySource(server.url, { clock });
  server.answer = { status: 500, body: 'broken' };
  clock.advance(600_000);
  expect(await accepts(keys, old)).toBe(true);
  await settled(() => keys.problem?.message.endsWith('answered 500') === true);
  expect(await accepts(keys, old)).toBe(true);
});

test('a URL that is down at the start is no obstacle: calls are told to try again, and it is asked again', async () => {
  await using server = await keyServer('');
  server.answer = { status: 503, body: '' };
  const keys = await openKeySource(server.url, { clock });
  await expect(verifierOf(keys).verify(await old.token())).rejects.toMatchObject({ why: 'KEYS_UNAVAILABLE' });
  expect(server.asked).toBe(1);
  server.answer = { status: 200, body: jwksOf(old) };
  clock.advance(5000);
  expect(await accepts(keys, old)).toBe(true);
});

test('the keys of a URL outlive a restart while it is down', async () => {
  await using folder = tempFolder();
  const keepFile = folder.file('kept.json');
  await using server = await keyServer(jwksOf(old));
  await openKeySource(server.url, { clock, keepFile });
  server.answer = { status: 503, body: '' };
  const keys = await openKeySource(server.url, { clock, keepFile });
  expect(await accepts(keys, old)).toBe(true);
});

test('a URL that redirects or gives megabytes is not followed', async () => {
  await using server = await keyServer('');
  server.answer = { status: 200, body: `{"keys":[${' '.repeat(1024 * 1024)}]}` };
  const keys = await openKeySource(server.url, { clock });
  expect(keys.problem?.message).toContain('more than');
  server.answer = { status: 302, body: '' };
  const redirected = await openKeySource(server.url, { clock });
  expect(redirected.problem).toBeInstanceOf(Error);
});
