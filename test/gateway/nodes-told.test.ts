import { copyFileSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { writeAuth, writeNodes } from '../../gateway/render.ts';
import { jwksOf, makeIssuer } from '../../server/auth/fixtures.ts';
import { systemClock } from '../../server/core/clock.ts';
import { Caller } from './support/caller.ts';
import { startEchoNode } from './support/echo-node.ts';
import { startGateway } from './support/gateway.ts';

const files = ['nodes.yaml', 'auth.yaml'];

/** Changes what is mounted as a kubelet does: the files are links into `..data`, and only that is renamed. */
function publish(mount: string, from: string, version: string): void {
  mkdirSync(path.join(mount, version));
  for (const file of files) copyFileSync(path.join(from, file), path.join(mount, version, file));
  replaceByLink(path.join(mount, '..data'), version);
}

function replaceByLink(at: string, target: string): void {
  symlinkSync(target, `${at}_tmp`);
  renameSync(`${at}_tmp`, at);
}

test('nodes that a replaced file names get the calls, and streams on a node that it no longer names go on', async () => {
  await using old = await startEchoNode();
  await using young = await startEchoNode();
  await using gateway = await startGateway([old.address], { nodesBy: 'file' });
  using caller = new Caller(gateway.address);
  const token = await gateway.issuer.token();
  await using stream = caller.flow(token);
  stream.write('before');
  await expect.poll(() => stream.answers.length).toBe(1);

  await writeNodes(gateway.folder, [young.address]);
  old.serving = false;
  await expect.poll(async () => (await caller.say(token))['node'], { timeout: 10_000 }).toBe(young.address);
  stream.write('after');
  await expect.poll(() => stream.answers.length).toBe(2);
  expect(stream.ended).toBeUndefined();
});

test('new nodes and new keys arrive through a mounted ConfigMap', async () => {
  await using old = await startEchoNode();
  await using young = await startEchoNode();
  await using gateway = await startGateway([old.address], { nodesBy: 'file' });
  using caller = new Caller(gateway.address);
  const { folder, issuer, auth } = gateway;
  publish(folder, folder, '..v1');
  for (const file of files) replaceByLink(path.join(folder, file), path.join('..data', file));
  expect((await caller.say(await issuer.token()))['node']).toBe(old.address);

  const next = path.join(folder, 'next');
  mkdirSync(next);
  const successor = await makeIssuer('k2', systemClock);
  await writeNodes(next, [young.address]);
  await writeAuth(next, { ...auth, jwks: { text: jwksOf(successor) } });
  publish(folder, next, '..v2');
  old.serving = false;
  const token = await successor.token();
  const nodeOf = async (): Promise<string | undefined> =>
    caller.say(token).then(
      (answer) => answer['node'],
      () => undefined,
    );
  await expect.poll(nodeOf, { timeout: 10_000 }).toBe(young.address);
  expect(await caller.refusal(caller.say(await issuer.token()))).toMatchObject({ reason: 'TOKEN_INVALID' });
});
