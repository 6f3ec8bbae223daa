import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { startEchoNode } from './support/echo-node.ts';
import { startGateway } from './support/gateway.ts';

interface Asked {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

/** An HTTP server that answers everything, and remembers what it was asked. */
async function startPages(): Promise<AsyncDisposable & { address: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer(({ url = '', headers }, response) => {
    asked.push({ url, headers });
    response.end('a page');
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => server.closeAllConnections() ?? server.close(() => resolve())),
  };
}

test('pages are for anybody, calls are not', async () => {
  await using node = await startEchoNode();
  await using pages = await startPages();
  await using gateway = await startGateway([node.address], { web: [pages.address] });
  const origin = `http://${gateway.address}`;
  const page = await fetch(`${origin}/t/g_abc?x=1`);
  expect([page.status, await page.text()]).toEqual([200, 'a page']);
  const call = await fetch(`${origin}/parley.v1.Echo/Say`);
  expect([call.status, pages.asked.length]).toEqual([401, 1]);
});

test('what is no page stays what it was: a service that is not there', async () => {
  await using node = await startEchoNode();
  await using pages = await startPages();
  await using gateway = await startGateway([node.address], { web: [pages.address] });
  const headers = {
    'content-type': 'application/grpc-web+proto',
    authorization: `Bearer ${await gateway.issuer.token()}`,
  };
  const answer = await fetch(`http://${gateway.address}/other.v1.Service/Call`, { method: 'POST', headers });
  expect([answer.headers.get('grpc-status'), pages.asked.length]).toEqual(['12', 0]);
});

test('without a web app there are no pages', async () => {
  await using node = await startEchoNode();
  await using gateway = await startGateway([node.address]);
  expect((await fetch(`http://${gateway.address}/`)).status).toBe(404);
  expect((await fetch(`http://${gateway.address}/dev/sign-in`, { method: 'POST' })).status).toBe(404);
});

test('the launcher is told who asks, whatever a client claims', async () => {
  await using node = await startEchoNode();
  await using door = await startPages();
  await using gateway = await startGateway([node.address], { devDoor: door.address });
  const headers = { 'x-parley-from': '192.0.2.7', 'x-forwarded-for': '192.0.2.8' };
  await fetch(`http://${gateway.address}/dev/sign-in`, { method: 'POST', headers });
  expect(door.asked.map((it) => [it.url, it.headers['x-parley-from']])).toEqual([['/dev/sign-in', '127.0.0.1']]);
});
