// What was erased is gone from the files, not only from the answers: after compact, no file holds a byte of it.
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Head } from '../../server/core/entry.ts';
import type { LogId } from '../../server/core/ids.ts';
import type { Store } from '../../server/store/store.ts';
import { append, deleted, edited, message, newLog } from '../contract/samples.ts';
import { holding } from '../support/holding.ts';
import { newTemporaryStore } from '../support/temporary-store.ts';

const secretWords = (): string => `needle ${randomBytes(24).toString('base64url')}`;

async function fill(store: Store, log: LogId, head: Head | undefined, count: number): Promise<Head> {
  let at = head;
  for (let sent = 0; sent < count; sent += 10) {
    const filler = Array.from({ length: 10 }, () => message(randomBytes(3_000).toString('base64')));
    ({ head: at } = await append(store, log, at, filler));
  }
  if (at === undefined) throw new Error('nothing was sent');
  return at;
}

const erasures = {
  'an edit': (target: bigint) => edited(target, 'something else'),
  'a delete': (target: bigint) => deleted(target),
};

for (const [name, erasure] of Object.entries(erasures)) {
  test(`after ${name} and compact, no file holds what was erased`, async () => {
    await using kept = await newTemporaryStore();
    const { store, folder } = kept;
    const [log, words, others] = [newLog(), secretWords(), secretWords()];
    const first = await append(store, log, undefined, [message(words), message(others)]);
    expect(await holding(folder, words)).not.toEqual([]);
    await append(store, log, first.head, [erasure(1n)]);
    await store.compact();
    expect(await holding(folder, words)).toEqual([]);
    expect(await holding(folder, others)).not.toEqual([]);
  });
}

test('after retention and compact, no file holds what was erased, whether it was sent or edited', async () => {
  await using kept = await newTemporaryStore();
  const { store, folder } = kept;
  const [log, ...bodies] = [newLog(), secretWords(), secretWords(), secretWords()];
  const [sent, edit, others] = bodies as [string, string, string];
  const first = await append(store, log, undefined, [message(sent), message('to be edited'), message(others)]);
  await append(store, log, first.head, [edited(2n, edit)]);
  await store.erase(log, [1n, 2n], 4n);
  await store.compact();
  expect(await Promise.all([sent, edit].map((body) => holding(folder, body)))).toEqual([[], []]);
  expect(await holding(folder, others)).not.toEqual([]);
});

test('an edit erases the body of the edit ahead of it, and a delete that of both', async () => {
  await using kept = await newTemporaryStore();
  const { store, folder } = kept;
  const [log, ...bodies] = [newLog(), secretWords(), secretWords(), secretWords()];
  const [original, firstEdit, secondEdit] = bodies as [string, string, string];
  const first = await append(store, log, undefined, [message(original)]);
  const second = await append(store, log, first.head, [edited(1n, firstEdit)]);
  const third = await append(store, log, second.head, [edited(1n, secondEdit)]);
  await store.compact();
  expect((await Promise.all(bodies.map((body) => holding(folder, body)))).map((files) => files.length > 0)).toEqual([
    false,
    false,
    true,
  ]);
  await append(store, log, third.head, [deleted(1n)]);
  await store.compact();
  for (const body of bodies) expect(await holding(folder, body)).toEqual([]);
});

test('what lies in tables of several levels is erased too', async () => {
  await using kept = await newTemporaryStore();
  const { store, folder } = kept;
  const [log, words] = [newLog(), secretWords()];
  const first = await append(store, log, undefined, [message(words)]);
  // More than LevelDB keeps in memory, twice, with a compaction between and a process after.
  let head = await fill(store, log, first.head, 9_000);
  await store.compact();
  head = await fill(store, log, head, 9_000);
  expect(await holding(folder, words)).not.toEqual([]);
  const later = await kept.reopen();
  await append(later, log, head, [deleted(1n)]);
  await later.compact();
  expect(await holding(folder, words)).toEqual([]);
  expect((await later.head(log))?.sequence).toBe(head.sequence + 1n);
});
