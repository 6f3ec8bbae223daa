// 10,000 frames at once: every one that asks for a Reply gets exactly one, what was accepted is in the log once and in
// order, what was refused is not there, and the session goes on.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { HistoryServiceService } from '#proto/parley/v1/history_service.ts';
import type { Entry } from '#proto/parley/v1/entry.ts';
import type { ClientFrame, DeepPartial } from '#proto/parley/v1/stream_service.ts';
import { People, type Person, groupOf, textContent } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';
import type { RawStream } from '../support/raw-stream.ts';

const total = 10_000;
const perMessage = 250;

let platform: Platform;
let people: People;
let alice: Person;

beforeAll(async () => {
  platform = await startPlatform({ env: unlimited });
  people = new People(platform);
  alice = await people.person('alice');
});
afterAll(async () => {
  people[Symbol.dispose]();
  await platform.stop();
});

async function wholeLog(threadId: string): Promise<Entry[]> {
  const all: Entry[] = [];
  for (;;) {
    const { entries, head } = await alice.client.ask(HistoryServiceService.listEntries, {
      threadId,
      afterSequence: all.at(-1)?.sequence ?? 0n,
      upToSequence: 0n,
      pageSize: 1000,
    });
    all.push(...entries);
    if ((all.at(-1)?.sequence ?? 0n) >= (head?.sequence ?? 0n)) return all;
  }
}

function flood(stream: RawStream, frame: (n: number) => DeepPartial<ClientFrame>): void {
  for (let from = 0; from < total; from += perMessage) {
    stream.sendFrames(...Array.from({ length: perMessage }, (_, offset) => frame(from + offset)));
  }
}

test('of 10,000 sends at once each is accepted or refused TOO_MANY_FRAMES, and the log holds the accepted ones in order', async () => {
  const threadId = await groupOf(alice);
  const stream = await alice.client.open().live({ deviceId: 'd1' });
  const limits = (await stream.first('welcome')).limits;
  flood(stream, (n) => ({
    requestId: BigInt(n + 1),
    frame: { $case: 'send', value: { threadId, clientMessageId: `m-${n}`, content: textContent(`message ${n}`) } },
  }));
  await stream.until(() => stream.replyCount === total);

  const accepted: { n: number; sequence: bigint }[] = [];
  const reasons = new Set<string | undefined>();
  for (let n = 0; n < total; n++) {
    const { reply, error } = await stream.reply(BigInt(n + 1));
    if (reply.result?.$case === 'send') accepted.push({ n, sequence: reply.result.value.sequence });
    else reasons.add(error?.reason);
  }
  expect([...reasons].filter((reason) => reason !== 'TOO_MANY_FRAMES')).toEqual([]);
  expect(accepted.length).toBeGreaterThanOrEqual(limits?.framesInFlight ?? Infinity);

  const log = (await wholeLog(threadId)).filter((entry) => entry.kind?.$case === 'message');
  expect(log.map((entry) => [entry.clientMessageId, entry.sequence])).toEqual(
    accepted.map(({ n, sequence }) => [`m-${n}`, sequence]),
  );
  expect((await stream.request('heartbeat', {})).error).toBeUndefined();
  expect(stream.all('goodbye')).toEqual([]);
});

test('10,000 acks, typings and heartbeats without a request id leave the session alive and others served', async () => {
  const bob = await people.person('bob');
  const threadId = await groupOf(alice, bob);
  const stream = await alice.client.open().live({ deviceId: 'd2' });
  const frames: DeepPartial<ClientFrame>[] = [
    { frame: { $case: 'ack', value: { position: { threadId, upToSequence: 1n } } } },
    { frame: { $case: 'typing', value: { threadId, active: true } } },
    { frame: { $case: 'heartbeat', value: {} } },
  ];
  flood(stream, (n) => frames[n % frames.length] ?? {});
  const other = await bob.client.open().live({ deviceId: 'b1' });
  expect((await other.request('ack', { position: { threadId, upToSequence: 1n } })).error).toBeUndefined();
  expect((await stream.request('ack', { position: { threadId, upToSequence: 1n } })).error).toBeUndefined();
});
