import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startPlatform } from '../../platform/platform.ts';
import { isAlive } from './support/launcher.ts';
import { checkHealth } from './support/health.ts';

test('a platform serves on a port and in a folder of its own, beside others, and leaves nothing when it stops', async () => {
  const [one, two] = await Promise.all([startPlatform(), startPlatform()]);
  expect(one.gateway).not.toBe(two.gateway);
  expect(await Promise.all([checkHealth(one.gateway), checkHealth(two.gateway)])).toEqual(['SERVING', 'SERVING']);
  const pids = [one, two].flatMap((platform) => [platform.envoy?.pid ?? 0, ...platform.nodes.map((node) => node.pid)]);
  await Promise.all([one.stop(), two.stop()]);
  expect(pids.filter(isAlive)).toEqual([]);
  expect([one.dataDir, two.dataDir].filter((folder) => existsSync(folder))).toEqual([]);
});

test('a node that was killed answers through the same gateway after its restart', async () => {
  await using platform = await startPlatform();
  const [node] = platform.nodes;
  if (node === undefined) throw new Error('no node');
  const { address, metrics, pid } = node;
  expect(await node.kill('SIGKILL')).toMatchObject({ signal: 'SIGKILL', isUnexpected: false });
  await expect(checkHealth(platform.gateway)).rejects.toThrow('UNAVAILABLE');
  await node.restart();
  expect([node.address, node.metrics]).toEqual([address, metrics]);
  expect(node.pid).not.toBe(pid);
  expect(await checkHealth(platform.gateway)).toBe('SERVING');
});

test('a restart that asks politely ends the node with code 0', async () => {
  await using platform = await startPlatform({ direct: true });
  const [node] = platform.nodes;
  expect(await node?.kill('SIGTERM')).toMatchObject({ code: 0, signal: null });
  await node?.start();
  expect(await checkHealth(platform.gateway)).toBe('SERVING');
});

test('without Envoy the gateway is the node itself', async () => {
  await using platform = await startPlatform({ direct: true });
  expect(platform.envoy).toBeUndefined();
  expect(platform.gateway).toBe(platform.nodes[0]?.address);
  expect(await checkHealth(platform.gateway)).toBe('SERVING');
});

test('a process that ends unasked is told, and nothing is restarted', async () => {
  await using platform = await startPlatform({ direct: true });
  platform.nodes[0]?.signal('SIGKILL');
  const { child, ending } = await platform.failed;
  expect([child.name, ending.signal, ending.isUnexpected]).toEqual(['node n1', 'SIGKILL', true]);
  expect(platform.nodes[0]?.isRunning).toBe(false);
});

test('a node that refuses its settings makes the start fail with its words, and leaves nothing', async () => {
  await expect(startPlatform({ env: { PARLEY_NO_SUCH: '1' } })).rejects.toThrow('PARLEY_NO_SUCH');
});

test('a token of the platform names its user', async () => {
  await using platform = await startPlatform({ direct: true });
  const [, payload = ''] = (await platform.token('alice', { name: 'Alice' })).split('.');
  expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({ sub: 'alice', name: 'Alice' });
});
