// Tokens of users that a service has made: what they open, how long they last, and which keys sign them.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { exportJWK, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TokenServiceService } from '#proto/parley/service/v1/token_service.ts';
import { PeopleServiceService } from '#proto/parley/v1/people_service.ts';
import { ThreadServiceService } from '#proto/parley/v1/thread_service.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import type { RawClient } from '../support/raw-client.ts';
import { People } from '../support/raw-people.ts';
import { Services } from '../support/services.ts';

const mint = TokenServiceService.mintUserToken;
const plain = { userId: 'alice', lifetimeSeconds: 0, deviceId: '', name: '' };

let platform: Platform;
let people: People;
let services: Services;
let signIn: RawClient;

beforeAll(async () => {
  platform = await startPlatform({ services: true });
  people = new People(platform);
  services = new Services(platform);
  signIn = await services.named('sign-in', ['tokens']);
});
afterAll(async () => {
  services[Symbol.dispose]();
  people[Symbol.dispose]();
  await platform.stop();
});

test('it opens a stream through the gateway, for its device alone, and says what the user is called', async () => {
  const before = Date.now();
  const { token, expireTime } = await signIn.ask(mint, { ...plain, deviceId: 'phone', name: 'Alice' });
  expect(Number(expireTime?.seconds ?? 0n) - before / 1_000).toBeCloseTo(600, -1);
  const client = people.stranger(token);
  const stream = await client.open().live({ deviceId: 'phone' });
  expect(await stream.first('welcome')).toMatchObject({ userId: 'alice', tokenExpireTime: expireTime });
  const other = client.open();
  other.say('hello', { deviceId: 'laptop', apiRevision: 1 });
  expect((await other.ended).reason).toBe('TOKEN_INVALID');
  const { profiles } = await client.ask(PeopleServiceService.batchGetProfiles, { userIds: ['alice'] });
  expect(profiles.map(({ displayName }) => displayName)).toEqual(['Alice']);
});

test('it expires when it says, and the session with it', async () => {
  const { token } = await signIn.ask(mint, { ...plain, lifetimeSeconds: 2 });
  const stream = await people.stranger(token).open().live({ deviceId: 'd1' });
  const { reason, status } = await stream.goodbye();
  expect([reason, status.reason]).toEqual(['TOKEN_EXPIRED', 'TOKEN_EXPIRED']);
});

test('it lasts an hour at most, and its ids are in bounds', async () => {
  const fields = [];
  for (const wrong of [{ lifetimeSeconds: 3_601 }, { userId: '' }, { deviceId: 'a b' }, { name: 'a\nb' }]) {
    fields.push(...(await signIn.call(mint, { ...plain, ...wrong })).status.fields);
  }
  expect(fields).toEqual(['lifetime_seconds', 'user_id', 'device_id', 'name']);
});

/** An issuer of the team's own, whose keys the node trusts. */
async function issuerIn(folder: string, keys: Readonly<Record<string, KeyObject>>) {
  const jwks = path.join(folder, 'jwks.json');
  const published = Object.entries(keys).map(async ([kid, key]) => ({ ...(await exportJWK(key)), kid, alg: 'ES256' }));
  await writeFile(jwks, JSON.stringify({ keys: await Promise.all(published) }));
  return { jwks, issuer: 'https://id.example', audience: 'chat', algorithms: ['ES256'] };
}

const serviceToken = (key: KeyObject): Promise<string> =>
  new SignJWT({ scope: 'tokens' })
    .setProtectedHeader({ alg: 'ES256', kid: 'issuer' })
    .setIssuer('https://id.example')
    .setAudience('parley-service')
    .setSubject('sign-in')
    .setExpirationTime('1h')
    .sign(key);

test('a deployment of its own issuer makes none without a key, and with one signs what nodes take', async () => {
  await using folder = await mkdtempDisposable(path.join(os.tmpdir(), 'parley-keys-'));
  const [issuer, minting] = ['issuer', 'minting'].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  if (issuer === undefined || minting === undefined) throw new Error('two keys');
  const auth = await issuerIn(folder.path, { issuer: issuer.publicKey, minting: minting.publicKey });
  const token = await serviceToken(issuer.privateKey);
  {
    await using without = await startPlatform({ services: true, direct: true, auth });
    using its = new Services(without);
    expect((await its.stranger(token).call(mint, plain)).status.reason).toBe('NOT_SERVED');
  }
  const pem = minting.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  await using platformWithKey = await startPlatform({ services: true, auth, env: { PARLEY_MINT_KEY: pem } });
  using its = new Services(platformWithKey);
  using users = new People(platformWithKey);
  const minted = await its.stranger(token).ask(mint, plain);
  const { threads } = await users
    .stranger(minted.token)
    .ask(ThreadServiceService.listThreads, { pageSize: 0, pageToken: '', archived: false });
  expect(threads).toEqual([]);
});

test('a node whose key signs what nobody would take does not start, and says so', async () => {
  await using folder = await mkdtempDisposable(path.join(os.tmpdir(), 'parley-keys-'));
  const [issuer, stray] = ['issuer', 'stray'].map(() => generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  if (issuer === undefined || stray === undefined) throw new Error('two keys');
  const auth = await issuerIn(folder.path, { issuer: issuer.publicKey });
  const pem = stray.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const starting = startPlatform({ services: true, direct: true, auth, env: { PARLEY_MINT_KEY: pem } });
  await expect(starting).rejects.toThrow('PARLEY_MINT_KEY: what it signs would not be taken');
});
