import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../platform/wait.ts';
import { Line } from './line.ts';

let server: Server;
let line: Line;
let near: Socket;
let far: Socket;
let [heardNear, heardFar] = ['', ''];

async function dial(): Promise<void> {
  const accepted = once(server, 'connection');
  near = connect({ host: '127.0.0.1', port: line.port, allowHalfOpen: true });
  [far] = (await accepted) as [Socket];
  [heardNear, heardFar] = ['', ''];
  near.on('data', (data) => (heardNear += String(data)));
  far.on('data', (data) => (heardFar += String(data)));
  for (const socket of [near, far]) socket.on('error', () => {});
}

const soon = (holds: () => boolean): Promise<true> =>
  until(() => holds() || undefined, { what: 'it to hold', withinMs: 5_000, everyMs: 5 });

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  line = await Line.start(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  await dial();
});
afterEach(async () => {
  near.destroy();
  await line[Symbol.asyncDispose]();
  server.close();
});

/** However it does: `once` of node:events would reject at an error. */
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.on('error', () => {}).once('close', () => resolve());
  });

/** Goes after all that was written before, through the same line. */
async function sayBoth(text: string): Promise<void> {
  near.write(text);
  far.write(text);
  await soon(() => heardFar.endsWith(text) || line.held.out);
  await soon(() => heardNear.endsWith(text) || line.held.back);
}

test('a whole line passes bytes both ways, and counts them', async () => {
  await sayBoth('hello');
  expect(line.bytes).toEqual({ out: 5, back: 5 });
});

test('a line held one way passes only the other, and later what was held', async () => {
  line.hold('out');
  await sayBoth('one');
  await sayBoth('two');
  expect([heardFar, heardNear]).toEqual(['', 'onetwo']);
  expect(line.bytes).toEqual({ out: 0, back: 6 });
  line.mend();
  await soon(() => heardFar === 'onetwo');
});

test('on a held line nobody learns that the other side has gone', async () => {
  line.hold('out', 'back');
  near.destroy();
  let ended = false;
  far.on('end', () => (ended = true)).on('close', () => (ended = true));
  await closed(near);
  far.write('still there?');
  await soon(() => line.open === 1);
  expect(ended).toBe(false);
  line.mend();
  await soon(() => ended);
});

test('what was held is lost when the line is reset', async () => {
  line.hold('out');
  near.write('lost');
  await soon(() => near.bytesWritten === 4);
  line.reset();
  line.mend();
  await dial();
  await sayBoth('hello');
  expect(heardFar).toBe('hello');
});

test('a cut line resets what is open and takes nothing new until it is mended', async () => {
  const broken = closed(near);
  line.cut();
  await broken;
  const refused = connect({ host: '127.0.0.1', port: line.port });
  await closed(refused);
  line.mend();
  await dial();
  await sayBoth('hello');
});

test('a late line keeps the order', async () => {
  line.delay(60, 'out');
  const startMs = performance.now();
  near.write('one');
  near.write('two');
  await soon(() => heardFar === 'onetwo');
  expect(performance.now() - startMs).toBeGreaterThanOrEqual(55);
});

test('new connections go to the new target, those that are open stay', async () => {
  const other = createServer((socket) => socket.on('error', () => {}));
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  line.retarget(`127.0.0.1:${(other.address() as AddressInfo).port}`);
  const accepted = once(other, 'connection');
  const second = connect({ host: '127.0.0.1', port: line.port });
  await accepted;
  await sayBoth('hello');
  second.destroy();
  other.close();
});
