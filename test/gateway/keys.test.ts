import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { authSettings, watchKeys } from '../../platform/keys.ts';
import { goodAudience, goodIssuer, jwksOf, keyServer, makeIssuer, tempFolder } from '../../server/auth/fixtures.ts';
import { systemClock } from '../../server/core/clock.ts';
import { Caller } from './support/caller.ts';
import { startEchoNode } from './support/echo-node.ts';
import { startGateway } from './support/gateway.ts';

const algorithms = ['ES256'];

test('a new key in the JWKS file is accepted without a restart, the old one no more, and open streams go on', async () => {
  await using folder = tempFolder();
  const [old, young] = [await makeIssuer('old', systemClock), await makeIssuer('young', systemClock)];
  const file = folder.file('jwks.json');
  writeFileSync(file, jwksOf(old));
  const source = authSettings({ jwks: file, issuer: goodIssuer, audience: goodAudience, algorithms });
  await using node = await startEchoNode();
  await using gateway = await startGateway([node.address], { auth: await source.gateway() });
  using watching = watchKeys(source, gateway.folder);
  expect(watching).toBeDefined();
  using caller = new Caller(gateway.address);
  await using stream = caller.flow(await old.token());
  expect(await caller.refusal(caller.say(await young.token()))).toMatchObject({ reason: 'TOKEN_INVALID' });

  writeFileSync(file, jwksOf(young));
  const token = await young.token();
  const isAccepted = async (): Promise<boolean> =>
    caller.say(token).then(
      () => true,
      () => false,
    );
  await expect.poll(isAccepted, { timeout: 10_000 }).toBe(true);

  expect(await caller.refusal(caller.say(await old.token()))).toMatchObject({ reason: 'TOKEN_INVALID' });
  stream.write('still here');
  await expect.poll(() => stream.answers).toEqual(['still here']);
});

test('a JWKS file that is broken for a moment changes nothing', async () => {
  await using folder = tempFolder();
  const issuer = await makeIssuer('k', systemClock);
  const file = folder.file('jwks.json');
  writeFileSync(file, jwksOf(issuer));
  const source = authSettings({ jwks: file, issuer: goodIssuer, audience: goodAudience, algorithms });
  await using node = await startEchoNode();
  await using gateway = await startGateway([node.address], { auth: await source.gateway() });
  using watching = watchKeys(source, gateway.folder);
  expect(watching).toBeDefined();
  using caller = new Caller(gateway.address);
  writeFileSync(file, '{"keys":');
  writeFileSync(file, `${jwksOf(issuer)}\n`);
  expect(await caller.say(await issuer.token())).toMatchObject({ 'x-parley-user': 'alice' });
});

test('keys are fetched from a URL, and stay while it is down', async () => {
  const issuer = await makeIssuer('k', systemClock);
  await using server = await keyServer(jwksOf(issuer));
  await using node = await startEchoNode();
  const auth = { issuer: goodIssuer, audience: goodAudience, jwks: { url: server.url } };
  await using gateway = await startGateway([node.address], { auth });
  using caller = new Caller(gateway.address);
  expect(await caller.say(await issuer.token())).toMatchObject({ 'x-parley-user': 'alice' });
  server.answer = { status: 500, body: '' };
  expect(await caller.say(await issuer.token({ sub: 'bob' }))).toMatchObject({ 'x-parley-user': 'bob' });
});

test('while the URL never answered, calls are told to try again, and are answered as soon as it does', async () => {
  const issuer = await makeIssuer('k', systemClock);
  await using server = await keyServer('');
  server.answer = { status: 503, body: '' };
  await using node = await startEchoNode();
  const auth = { issuer: goodIssuer, audience: goodAudience, jwks: { url: server.url } };
  await using gateway = await startGateway([node.address], { auth });
  using caller = new Caller(gateway.address);
  const token = await issuer.token();
  expect(await caller.refusal(caller.say(token))).toMatchObject({ code: 'UNAVAILABLE', reason: 'KEYS_UNAVAILABLE' });
  server.answer = { status: 200, body: jwksOf(issuer) };
  const isAccepted = async (): Promise<boolean> =>
    caller.say(token).then(
      () => true,
      () => false,
    );
  await expect.poll(isAccepted, { timeout: 15_000 }).toBe(true);
});
