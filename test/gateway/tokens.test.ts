import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeIssuer } from '../../server/auth/fixtures.ts';
import { systemClock } from '../../server/core/clock.ts';
import { Caller } from './support/caller.ts';
import { startEchoNode } from './support/echo-node.ts';
import type { EchoNode } from './support/echo-node.ts';
import { startGateway } from './support/gateway.ts';
import type { TestGateway } from './support/gateway.ts';

describe('what the gateway lets through', () => {
  let node: EchoNode;
  let gateway: TestGateway;
  let caller: Caller;

  beforeAll(async () => {
    node = await startEchoNode();
    gateway = await startGateway([node.address]);
    caller = new Caller(gateway.address);
  });
  afterAll(async () => {
    caller[Symbol.dispose]();
    await gateway[Symbol.asyncDispose]();
    await node[Symbol.asyncDispose]();
  });

  test('a good token reaches the node, and its subject stands in x-parley-user', async () => {
    const token = await gateway.issuer.token();
    expect(await caller.say(token)).toMatchObject({ 'x-parley-user': 'alice', authorization: `Bearer ${token}` });
  });

  test('an x-parley-user that a client sends is dropped, with a token and without', async () => {
    const spoof = { 'x-parley-user': 'mallory' };
    const seen = await caller.say(await gateway.issuer.token({ sub: 'bob' }), spoof);
    expect(seen['x-parley-user']).toBe('bob');
    const nobody = await caller.say(await gateway.issuer.token({ sub: undefined }), spoof);
    expect(nobody).not.toHaveProperty('x-parley-user');
  });

  test('no token is refused as UNAUTHENTICATED, not as an HTTP error', async () => {
    expect(await caller.refusal(caller.say(undefined))).toEqual({
      code: 'UNAUTHENTICATED',
      reason: 'TOKEN_MISSING',
      message: 'Send a token: authorization metadata of the form "Bearer <JWT>".',
    });
  });

  const wrongClaims = [
    ['expired a minute ago', { exp: Math.floor(Date.now() / 1000) - 60 }, 'TOKEN_EXPIRED'],
    ['has no expiry', { exp: undefined }, 'TOKEN_INVALID'],
    ['is for another audience', { aud: 'mail' }, 'TOKEN_INVALID'],
    ['is from another issuer', { iss: 'https://else.example' }, 'TOKEN_INVALID'],
    ['is not valid yet', { nbf: 4_000_000_000 }, 'TOKEN_INVALID'],
  ] as const;
  test.each(wrongClaims)('a token that %s is refused with its reason', async (_what, claims, reason) => {
    const refused = await caller.refusal(caller.say(await gateway.issuer.token(claims)));
    expect(refused).toMatchObject({ code: 'UNAUTHENTICATED', reason });
  });

  test('a token signed by the wrong key is refused', async () => {
    const impostor = await makeIssuer('k1', systemClock);
    const refused = await caller.refusal(caller.say(await impostor.token()));
    expect(refused).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'TOKEN_INVALID' });
  });

  test('a token signed by an unknown key is refused', async () => {
    const stranger = await makeIssuer('k9', systemClock);
    const refused = await caller.refusal(caller.say(await stranger.token()));
    expect(refused).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'TOKEN_INVALID' });
  });

  test('an unsigned token and nonsense are refused', async () => {
    const [, payload] = (await gateway.issuer.token()).split('.');
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
    for (const token of [unsigned, 'nonsense', 'a.b.c']) {
      const refused = await caller.refusal(caller.say(token));
      expect(refused).toMatchObject({ code: 'UNAUTHENTICATED', reason: 'TOKEN_INVALID' });
    }
  });

  test('a token in the query string is not taken', async () => {
    const token = await gateway.issuer.token();
    const call = caller.unary(`/parley.v1.Echo/Say?access_token=${token}`, undefined);
    expect(await caller.refusal(call)).toMatchObject({ reason: 'TOKEN_MISSING' });
  });

  test('the health check needs no token, and its watch and reflection do', async () => {
    expect(await caller.unary('/grpc.health.v1.Health/Check', undefined)).toEqual(Buffer.from([8, 1]));
    for (const path of ['/grpc.health.v1.Health/Watch', '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo']) {
      expect(await caller.refusal(caller.unary(path, undefined))).toMatchObject({ reason: 'TOKEN_MISSING' });
    }
  });

  test('a path that nobody serves is UNIMPLEMENTED, node to node calls among them', async () => {
    const token = await gateway.issuer.token();
    for (const path of [
      '/',
      '/other.Service/Call',
      '/parley.internal.v1.Nodes/Forward',
      '/grpc.health.v1.Health/Watch',
    ]) {
      const refused = await caller.refusal(caller.unary(path, token));
      expect(refused).toMatchObject({ code: 'UNIMPLEMENTED', reason: 'NOT_SERVED' });
    }
  });

  test('headers of more than 16 KiB are refused, and the connection goes on', async () => {
    const token = await gateway.issuer.token();
    await expect(caller.say(token, { 'x-long': 'x'.repeat(20_000) })).rejects.toBeDefined();
    expect(await caller.say(token)).toMatchObject({ 'x-parley-user': 'alice' });
  });

  test('the access log tells of calls and keeps no token', async () => {
    const token = await gateway.issuer.token();
    await caller.say(token);
    await expect
      .poll(async () => readFile(gateway.accessLog, 'utf8'), { timeout: 20_000, interval: 100 })
      .toContain('"rpc":"/parley.v1.Echo/Say"');
    const log = await readFile(gateway.accessLog, 'utf8');
    expect(log).not.toContain(token.split('.')[2]);
    expect(log).not.toContain('Bearer');
  });
});
