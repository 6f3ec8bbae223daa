import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Relay } from './relay.ts';

/** A server that sends back what it gets, a relay in front of it, and a connection through both. */
async function connected(): Promise<{ relay: Relay; near: Socket; far: Socket }> {
  const server = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const relay = await Relay.start({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  const accepted = once(server, 'connection');
  const near = open(relay);
  onTestFinished(async () => {
    near.destroy();
    await relay[Symbol.asyncDispose]();
    server.close();
  });
  const [far] = (await accepted) as [Socket];
  return { relay, near, far };
}
const open = (relay: Relay): Socket => connect({ host: '127.0.0.1', port: Number(relay.address.split(':')[1]) });
const echoed = async (socket: Socket, text: string): Promise<string> => {
  socket.write(text);
  const [data] = (await once(socket, 'data')) as [Buffer];
  return data.toString();
};

test('bytes pass both ways', async () => {
  const { relay, near } = await connected();
  expect(await echoed(near, 'hello')).toBe('hello');
  expect(relay.open).toBe(1);
});

test('a reset is seen as one at both ends, and the next connection works', async () => {
  const { relay, near, far } = await connected();
  await echoed(near, 'x');
  const errors = Promise.all([once(near, 'error'), once(far, 'error')]);
  expect(relay.cut('reset')).toBe(1);
  for (const [error] of await errors) expect(error).toMatchObject({ code: 'ECONNRESET' });
  const again = open(relay);
  onTestFinished(() => void again.destroy());
  expect(await echoed(again, 'back')).toBe('back');
});

test('an end is seen as one at both ends', async () => {
  const { relay, near, far } = await connected();
  await echoed(near, 'x');
  const ends = Promise.all([once(near, 'end'), once(far, 'end')]);
  relay.cut('end');
  await ends;
});

test('a frozen line passes nothing on until it thaws', async () => {
  const { relay, near, far } = await connected();
  await echoed(near, 'x');
  relay.freeze();
  let passed = 0;
  far.on('data', () => (passed += 1));
  await new Promise((resolve) => near.write('late', resolve));
  // A relay of its own, there and back twice: by then what was written before has arrived where it can.
  await using other = await Relay.start({ host: '127.0.0.1', port: far.localPort ?? 0 });
  const beside = open(other);
  onTestFinished(() => void beside.destroy());
  await echoed(beside, 'one');
  await echoed(beside, 'two');
  expect(passed).toBe(0);
  const thawed = once(near, 'data');
  relay.thaw();
  expect(String(await thawed)).toBe('late');
});

test('what a frozen line holds is gone after a reset', async () => {
  const { relay, near, far } = await connected();
  await echoed(near, 'x');
  relay.freeze();
  let passed = 0;
  far.on('data', () => (passed += 1));
  await new Promise((resolve) => near.write('lost', resolve));
  const closed = Promise.all([once(near, 'error'), once(far, 'error')]);
  relay.cut('reset');
  await closed;
  expect(passed).toBe(0);
  const again = open(relay);
  onTestFinished(() => void again.destroy());
  expect(await echoed(again, 'back')).toBe('back');
});
