// What the embedded store promises beyond the contract of all stores.
import { expect, test } from 'vitest';
import type { Head, NewEntry } from '../../core/entry.ts';
import type { DeviceId, LogId, UserId } from '../../core/ids.ts';
import { newTemporaryStore } from '../../../test/support/temporary-store.ts';
import type { Append } from '../store.ts';

const log = 'g_log' as LogId;

function message(text: string, id = text): NewEntry {
  return {
    senderId: 'ann' as UserId,
    deviceId: 'phone' as DeviceId,
    clientMessageId: id,
    fingerprint: text,
    change: {
      kind: 'message',
      replyTo: 0n,
      body: { content: { text }, mentions: [], attachments: [] },
      editSequence: 0n,
      deleteSequence: 0n,
    },
  };
}

function edit(target: bigint, text: string): NewEntry {
  const body = { content: { text }, mentions: [], attachments: [] };
  return { ...message(text, ''), fingerprint: '', change: { kind: 'message-edited', target, body } };
}

const after = (sequence: bigint, entries: NewEntry[]): Append => ({
  expected: sequence === 0n ? undefined : { sequence, membersSequence: 0n },
  entries,
  nowMs: 1,
  inbox: [],
});

test('appends that follow each other are all taken while none of them is on the disk yet', async () => {
  await using kept = await newTemporaryStore();
  const results = await Promise.all(
    Array.from({ length: 300 }, (_, at) => kept.store.append(log, after(BigInt(at), [message(`number ${at}`)]))),
  );
  expect(results.map((result) => result.outcome)).toEqual(results.map(() => 'appended'));
  expect((await kept.store.head(log))?.sequence).toBe(300n);
});

test('an edit, a second edit and a delete build on what is not on the disk yet', async () => {
  await using kept = await newTemporaryStore();
  const { store } = kept;
  const erase: NewEntry = { ...edit(1n, ''), change: { kind: 'message-deleted', target: 2n } };
  await Promise.all([
    store.append(log, after(0n, [message('a'), message('b')])),
    store.append(log, after(2n, [edit(1n, 'A')])),
    store.append(log, after(3n, [edit(1n, 'AA')])),
    store.append(log, after(4n, [erase])),
  ]);
  const entries = await store.entries(log, { after: 0n, upTo: 2n, limit: 2 });
  expect(entries.map((entry) => entry.change)).toMatchObject([
    { body: { content: { text: 'AA' } }, editSequence: 4n },
    { body: { mentions: [] }, deleteSequence: 5n },
  ]);
});

test('a refusal tells no head that is not on the disk yet', async () => {
  await using kept = await newTemporaryStore();
  const { store } = kept;
  const order: string[] = [];
  const taken = store.append(log, after(0n, [message('first')])).then((result) => {
    order.push('taken');
    return result;
  });
  const refused = store.append(log, after(0n, [message('second')])).then((result) => {
    order.push('refused');
    return result;
  });
  expect(await store.head(log)).toBeUndefined();
  const head: Head | undefined = (await taken).outcome === 'appended' ? await store.head(log) : undefined;
  expect(await refused).toEqual({ outcome: 'conflict', head });
  expect(order).toEqual(['taken', 'refused']);
});

test('a retry whose first is not on the disk yet waits for it, and gets its place', async () => {
  await using kept = await newTemporaryStore();
  const { store } = kept;
  const [first, again, other] = await Promise.all([
    store.append(log, after(0n, [message('once')])),
    store.append(log, after(0n, [message('once')])),
    store.append(log, after(1n, [message('other text', 'once')])),
  ]);
  expect(first.outcome).toBe('appended');
  for (const result of [again, other]) {
    if (result.outcome !== 'duplicate') throw new Error(`was ${result.outcome}`);
    expect(result.duplicates.get(0)).toMatchObject({ sequence: 1n, fingerprint: 'once' });
  }
});

test('what is refused as a mistake leaves the appends around it whole', async () => {
  await using kept = await newTemporaryStore();
  const { store } = kept;
  const results = await Promise.allSettled([
    store.append(log, after(0n, [message('a')])),
    store.append(log, after(1n, [message('lost'), edit(1n, 'A'), edit(9n, 'of nothing')])),
    store.append(log, after(1n, [message('b')])),
  ]);
  expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  const entries = await store.entries(log, { after: 0n, upTo: 9n, limit: 9 });
  expect(entries.map((entry) => entry.clientMessageId)).toEqual(['a', 'b']);
  expect(await store.duplicate(log, 'ann' as UserId, 'lost', 0n)).toBeUndefined();
  expect(entries[0]?.change).toMatchObject({ editSequence: 0n });
});

test('closing waits for what was handed over, and then nothing is taken', async () => {
  await using kept = await newTemporaryStore();
  const { store } = kept;
  const running = Array.from({ length: 50 }, (_, at) =>
    store.append(log, after(BigInt(at), [message(`number ${at}`)])),
  );
  const later = await kept.reopen();
  expect((await Promise.all(running)).map((result) => result.outcome)).toEqual(running.map(() => 'appended'));
  expect((await later.head(log))?.sequence).toBe(50n);
  await expect(store.append(log, after(50n, [message('late')]))).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  await expect(store.head('g_other' as LogId)).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  expect(store.health()).toEqual({ writable: false, why: 'the store is closed' });
});
