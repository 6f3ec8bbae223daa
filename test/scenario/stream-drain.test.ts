// SIGTERM: streams are told to go elsewhere, what was sent is answered, and the process ends with 0.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { HistoryServiceService } from '#proto/parley/v1/history_service.ts';
import { People, clientId, groupOf, textContent } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';

let platform: Platform;
let people: People;

beforeEach(async () => {
  platform = await startPlatform({ env: { ...unlimited, PARLEY_DRAIN_S: '2' } });
  people = new People(platform);
});
afterEach(async () => {
  people[Symbol.dispose]();
  await platform.stop();
});

const node = (): Platform['nodes'][number] => {
  const [first] = platform.nodes;
  if (first === undefined) throw new Error('the platform has no node');
  return first;
};

test('every stream is told DRAINING and to reconnect, ends with status OK, and the node exits 0', async () => {
  const streams = await Promise.all(
    Array.from({ length: 20 }, async (_, n) => {
      const person = await people.person(`user${n}`);
      return person.client.open().live({ deviceId: 'd1' });
    }),
  );
  const ending = node().kill('SIGTERM', 30_000);
  for (const stream of streams) {
    const { goodbye, reason, status } = await stream.goodbye();
    expect([reason, goodbye.reconnect, status.code]).toEqual(['DRAINING', true, 'OK']);
  }
  expect(await ending).toMatchObject({ code: 0, signal: null });
});

test('a stream of a node that drains goes on until it ends: what is sent on it is answered and durable', async () => {
  const alice = await people.person('alice');
  const threadId = await groupOf(alice);
  const stream = await alice.client.open().live({ deviceId: 'd1' });
  const ending = node().kill('SIGTERM', 30_000);
  await stream.first('goodbye');
  const sent: Promise<unknown>[] = [];
  for (let n = 0; n < 50; n++) {
    sent.push(stream.request('send', { threadId, clientMessageId: `m${n}`, content: textContent('x') }));
  }
  const settled = await Promise.allSettled(sent);
  await ending;
  const answered = settled.flatMap((one, n) => (one.status === 'fulfilled' ? [`m${n}`] : []));
  await node().start();
  const { entries } = await (
    await people.again(alice.id)
  ).client.ask(HistoryServiceService.listEntries, {
    threadId,
    afterSequence: 0n,
    upToSequence: 0n,
    pageSize: 0,
  });
  const kept = entries.map((entry) => entry.clientMessageId);
  expect(answered.length).toBeGreaterThan(0);
  expect(answered.filter((id) => !kept.includes(id))).toEqual([]);
});

test('a new stream or call is refused DRAINING by a node that drains, while an old stream is still there', async () => {
  const [alice, bob] = [await people.person('alice'), await people.person('bob')];
  using direct = new People(platform, node().address);
  const old = await (await direct.again(alice.id)).client.open().live({ deviceId: 'd1' });
  const late = (await direct.again(bob.id)).client;
  // So that the connection is there before the node stops listening.
  const before = await late.open().live({ deviceId: 'warm' });
  const ending = node().kill('SIGTERM', 30_000);
  await Promise.all([old.first('goodbye'), before.first('goodbye')]);
  const stream = late.open();
  stream.say('hello', { deviceId: 'd2', apiRevision: 1 });
  const status = await stream.ended;
  expect([status.code, stream.all('welcome')]).toEqual(['UNAVAILABLE', []]);
  await ending;
});

test('a node that was drained holds all that was answered before, and sends go on where they were', async () => {
  const alice = await people.person('alice');
  const threadId = await groupOf(alice);
  const stream = await alice.client.open().live({ deviceId: 'd1' });
  const draft = { threadId, clientMessageId: clientId(), content: textContent('before') };
  const { reply } = await stream.request('send', draft);
  await node().restart('SIGTERM');
  const again = await (await people.again(alice.id)).client.open().live({ deviceId: 'd1' });
  const repeated = await again.request('send', draft);
  expect(repeated.reply.result).toMatchObject({ $case: 'send', value: { duplicate: true } });
  expect(repeated.reply.result).toMatchObject({
    value: { sequence: reply.result?.$case === 'send' ? reply.result.value.sequence : -1n },
  });
});
