import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { exchange } from './grpc-web.ts';

function frame(flags: number, payload: string): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, Buffer.from(payload)]);
}

test('a call waits for the end that follows its trailers: cancelled before, it would cost the connection', async () => {
  const answered = Promise.withResolvers<ServerResponse>();
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(200, { 'content-type': 'application/grpc-web+proto' });
    response.write(Buffer.concat([frame(0, 'hi'), frame(0x80, 'grpc-status: 0\r\n')]));
    answered.resolve(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/s/m`;
  try {
    const told = Promise.withResolvers<string>();
    let isSettled = false;
    const call = exchange({ url, token: 't', message: new Uint8Array(), signals: [] }, (bytes) =>
      told.resolve(Buffer.from(bytes).toString()),
    ).then(() => {
      isSettled = true;
    });
    expect(await told.promise).toBe('hi');
    await setImmediate();
    expect(isSettled).toBe(false);
    const response = await answered.promise;
    response.end();
    await call;
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
