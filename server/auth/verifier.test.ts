import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { AuthError } from './auth-error.ts';
import type { AuthReason } from './auth-error.ts';
import { goodAudience, goodIssuer, handClock, jwksOf, makeIssuer, tempFolder } from './fixtures.ts';
import { openKeySource } from './jwks.ts';
import { Verifier } from './verifier.ts';

async function setUp(options: { cacheSize?: number } = {}) {
  const folder = tempFolder();
  const clock = handClock();
  const issuer = await makeIssuer('k1', clock);
  const file = folder.file('jwks.json');
  writeFileSync(file, jwksOf(issuer));
  const keys = await openKeySource(file, { clock });
  const verifier = new Verifier({
    keys,
    issuer: goodIssuer,
    audience: goodAudience,
    algorithms: ['ES256', 'RS256'],
    clock,
    ...options,
  });
  return { clock, issuer, file, keys, verifier, [Symbol.asyncDispose]: folder[Symbol.asyncDispose] };
}

async function refusalOf(verified: Promise<unknown>): Promise<AuthError> {
  const error = await verified.then(
    () => expect.fail('the token was accepted'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(AuthError);
  return error as AuthError;
}

test('a good token gives who it is for and until when', async () => {
  await using it = await setUp();
  const { verifier, issuer, clock } = it;
  const token = await issuer.token({ name: 'Alice', picture: 'https://a.example/a.png', device_id: 'phone' });
  expect(await verifier.verify(token)).toEqual({
    userId: 'alice',
    name: 'Alice',
    picture: 'https://a.example/a.png',
    deviceId: 'phone',
    expiresMs: clock.nowMs() + 3_600_000,
  });
});

test('unreasonable names and pictures are left out, not refused', async () => {
  await using it = await setUp();
  const { verifier, issuer } = it;
  const identity = await verifier.verify(await issuer.token({ name: 'x'.repeat(257), picture: 7 }));
  expect(identity).not.toHaveProperty('name');
  expect(identity).not.toHaveProperty('picture');
});

const wrongClaims: readonly [string, Record<string, unknown>, AuthReason][] = [
  ['has another issuer', { iss: 'https://else.example' }, 'TOKEN_ISSUER'],
  ['has no issuer', { iss: undefined }, 'TOKEN_ISSUER'],
  ['is for another audience', { aud: 'mail' }, 'TOKEN_AUDIENCE'],
  ['has no audience', { aud: undefined }, 'TOKEN_AUDIENCE'],
  ['has no subject', { sub: undefined }, 'TOKEN_SUBJECT'],
  ['has an empty subject', { sub: '' }, 'TOKEN_SUBJECT'],
  ['has a subject with a control character', { sub: 'ali\u0007ce' }, 'TOKEN_SUBJECT'],
  ['has a subject that is no text', { sub: 7 }, 'TOKEN_SUBJECT'],
  ['has no expiry', { exp: undefined }, 'TOKEN_MALFORMED'],
  ['is not valid yet', { nbf: 4_000_000_000 }, 'TOKEN_MALFORMED'],
];

test.each(wrongClaims)('a token that %s is refused', async (_what, claims, why) => {
  await using it = await setUp();
  const { verifier, issuer } = it;
  expect((await refusalOf(verifier.verify(await issuer.token(claims)))).why).toBe(why);
});

test('an expired token is refused, also when it was accepted before', async () => {
  await using it = await setUp();
  const { verifier, issuer, clock } = it;
  const token = await issuer.token();
  await verifier.verify(token);
  clock.advance(3_600_000 + 4000);
  await verifier.verify(token);
  clock.advance(2000);
  expect((await refusalOf(verifier.verify(token))).why).toBe('TOKEN_EXPIRED');
  expect((await refusalOf(verifier.verify(token))).reason).toBe('TOKEN_EXPIRED');
});

test('a token signed by another key under a known key id is refused', async () => {
  await using it = await setUp();
  const { verifier, clock } = it;
  const impostor = await makeIssuer('k1', clock);
  const refusal = await refusalOf(verifier.verify(await impostor.token()));
  expect([refusal.why, refusal.reason]).toEqual(['TOKEN_SIGNATURE', 'TOKEN_INVALID']);
});

test('a token signed by an unknown key is refused', async () => {
  await using it = await setUp();
  const { verifier, clock } = it;
  const stranger = await makeIssuer('k9', clock);
  expect((await refusalOf(verifier.verify(await stranger.token()))).why).toBe('TOKEN_UNKNOWN_KEY');
});

test('an unsigned token is refused', async () => {
  await using it = await setUp();
  const { verifier, issuer } = it;
  const [, payload] = (await issuer.token()).split('.');
  const header = Buffer.from('{"alg":"none"}').toString('base64url');
  expect((await refusalOf(verifier.verify(`${header}.${payload}.`))).why).toBe('TOKEN_SIGNATURE');
});

test('a token with an algorithm that is not allowed is refused although its key is known', async () => {
  await using it = await setUp();
  const { verifier, clock, file } = it;
  const strong = await makeIssuer('k2', clock, 'ES384');
  writeFileSync(file, jwksOf(strong));
  clock.advance(1000);
  expect((await refusalOf(verifier.verify(await strong.token()))).why).toBe('TOKEN_SIGNATURE');
});

test.each(['nonsense', 'a.b.c', 'x'.repeat(9000), '....'])('%.20s is refused as no token at all', async (text) => {
  await using it = await setUp();
  const { verifier } = it;
  expect((await refusalOf(verifier.verify(text))).why).toBe('TOKEN_MALFORMED');
});

test('no token is refused as missing', async () => {
  await using it = await setUp();
  const { verifier } = it;
  const refusal = await refusalOf(verifier.verify(''));
  expect([refusal.why, refusal.reason]).toEqual(['TOKEN_MISSING', 'TOKEN_MISSING']);
});

test('a token without a key id is checked with every key of its algorithm', async () => {
  await using it = await setUp();
  const { verifier, clock, file, issuer } = it;
  const other = await makeIssuer('k2', clock);
  writeFileSync(file, jwksOf(other, issuer));
  clock.advance(1000);
  expect((await verifier.verify(await issuer.token({}, { kid: undefined }))).userId).toBe('alice');
  const stranger = await makeIssuer('k3', clock);
  const refusal = await refusalOf(verifier.verify(await stranger.token({}, { kid: undefined })));
  expect(refusal.why).toBe('TOKEN_SIGNATURE');
});

test('a token whose key was withdrawn is refused, although it was accepted before', async () => {
  await using it = await setUp();
  const { verifier, clock, file, issuer } = it;
  const token = await issuer.token();
  await verifier.verify(token);
  writeFileSync(file, jwksOf(await makeIssuer('k2', clock)));
  clock.advance(1000);
  expect((await refusalOf(verifier.verify(token))).why).toBe('TOKEN_UNKNOWN_KEY');
});

test('the second check of a token is the first one remembered, until newer tokens crowd it out', async () => {
  await using it = await setUp({ cacheSize: 2 });
  const { verifier, issuer } = it;
  const token = await issuer.token();
  const first = await verifier.verify(token);
  expect(await verifier.verify(token)).toBe(first);
  await verifier.verify(await issuer.token({ sub: 'bob' }));
  await verifier.verify(await issuer.token({ sub: 'carol' }));
  expect(await verifier.verify(token)).not.toBe(first);
});

test.each([[['HS256']], [['none']], [[]], [['ES256', 'HS512']]])('algorithms %j are refused', async (algorithms) => {
  await using it = await setUp();
  const { keys, clock } = it;
  const options = { keys, issuer: goodIssuer, audience: goodAudience, algorithms, clock };
  expect(() => new Verifier(options)).toThrow(RangeError);
});

test('no refusal repeats the token', async () => {
  await using it = await setUp();
  const { verifier, issuer } = it;
  const token = await issuer.token({ aud: 'mail' });
  const { message } = await refusalOf(verifier.verify(token));
  for (const part of token.split('.')) expect(message).not.toContain(part);
});
