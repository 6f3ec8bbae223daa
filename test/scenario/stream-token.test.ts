// A session lives as long as its token, or as the newer one that it was given.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { People } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';

let platform: Platform;
let people: People;

beforeAll(async () => {
  platform = await startPlatform({ env: unlimited });
  people = new People(platform);
});
afterAll(async () => {
  people[Symbol.dispose]();
  await platform.stop();
});

test('a session ends with its token, is told so, and one that was given a new token in time lives on', async () => {
  const short = people.stranger(await platform.token('alice', { ttlS: 4 }));
  const left = await short.open().live({ deviceId: 'left' });
  const renewed = await short.open().live({ deviceId: 'renewed' });

  const token = await platform.token('alice', { ttlS: 3600 });
  const { reply, error } = await renewed.request('reauthenticate', { token });
  expect(error).toBeUndefined();
  if (reply.result?.$case !== 'reauthenticate') throw new Error('no expiry in the reply');
  const expiresS = Number(reply.result.value.tokenExpireTime?.seconds ?? 0n);
  const before = Number((await renewed.first('welcome')).tokenExpireTime?.seconds ?? 0n);
  expect(expiresS - before).toBeGreaterThan(3000);

  const { reason, goodbye, status } = await left.goodbye();
  expect([reason, goodbye.reconnect, status.code, status.reason]).toEqual([
    'TOKEN_EXPIRED',
    true,
    'UNAUTHENTICATED',
    'TOKEN_EXPIRED',
  ]);
  expect((await renewed.request('heartbeat', {})).error).toBeUndefined();
  expect(renewed.all('goodbye')).toEqual([]);
});

test('a token of another user is refused and changes nothing', async () => {
  const alice = await people.person('alice');
  const stream = await alice.client.open().live({ deviceId: 'd1' });
  const { error } = await stream.request('reauthenticate', { token: await platform.token('bob') });
  expect([error?.code, error?.reason]).toEqual(['UNAUTHENTICATED', 'TOKEN_INVALID']);
  expect((await stream.request('heartbeat', {})).error).toBeUndefined();
});

test('an expired token is refused TOKEN_EXPIRED', async () => {
  const alice = await people.person('alice');
  const stream = await alice.client.open().live({ deviceId: 'd1' });
  const { error } = await stream.request('reauthenticate', { token: await platform.token(alice.id, { ttlS: -300 }) });
  expect(error?.reason).toBe('TOKEN_EXPIRED');
});

test('a token that is bound to a device opens streams of that device and of no other', async () => {
  const bound = people.stranger(await platform.token('alice', { deviceId: 'phone' }));
  const other = bound.open();
  other.say('hello', { deviceId: 'laptop', apiRevision: 1 });
  const status = await other.ended;
  expect([status.code, status.reason, other.all('welcome')]).toEqual(['UNAUTHENTICATED', 'TOKEN_INVALID', []]);
  const own = await bound.open().live({ deviceId: 'phone' });
  const token = await platform.token('alice', { deviceId: 'laptop' });
  const { error } = await own.request('reauthenticate', { token });
  expect([error?.code, error?.reason]).toEqual(['UNAUTHENTICATED', 'TOKEN_INVALID']);
});
