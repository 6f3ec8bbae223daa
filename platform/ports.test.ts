import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { expect, test } from 'vitest';
import { freePort, isFree, PortTakenError, refuseTaken, whoListens } from './ports.ts';

async function listen(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

test('a free port is below those of outgoing connections, and can be had', async () => {
  const port = await freePort();
  expect(port).toBeLessThan(32_768);
  expect(await isFree(port)).toBe(true);
});

test('a port is given once, also before who asked for it listens there', async () => {
  const first = await freePort();
  const picks = [first, first, 31_999, 31_998, 31_997];
  const second = await freePort('127.0.0.1', () => picks.shift() ?? 31_996);
  expect(second).not.toBe(first);
});

test.runIf(process.platform === 'linux')('a port that is taken is refused with the process that has it', async () => {
  const { server, port } = await listen();
  try {
    expect(await isFree(port)).toBe(false);
    expect(await whoListens(port)).toContain(`process ${process.pid} (`);
    const refusal = refuseTaken(port, '127.0.0.1');
    await expect(refusal).rejects.toThrow(PortTakenError);
    await expect(refusal).rejects.toThrow(`127.0.0.1:${port} is taken by process ${process.pid}`);
  } finally {
    server.close();
  }
});

test('nobody is named for a port that nobody has', async () => {
  expect(await whoListens(await freePort())).toBeUndefined();
});
