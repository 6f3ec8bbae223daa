import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Draft } from '../core/draft.ts';
import { FileDraftStore } from './file-drafts.ts';

let folder: string;
let file: string;
let stores: FileDraftStore[];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'parley-drafts-'));
  file = path.join(folder, 'deep', 'drafts');
  stores = [];
});
afterEach(async () => {
  for (const store of stores) await store.close();
  await rm(folder, { recursive: true });
});

function draft(id: string, more: Partial<Draft> = {}): Draft {
  return {
    threadId: 't',
    clientMessageId: id,
    knownHead: 9_007_199_254_740_993n,
    expectedSequence: undefined,
    replyTo: 0n,
    mentionIds: ['bob'],
    attachments: [{ uri: 'https://x/y', contentType: 'image/png', name: 'y', sizeBytes: 5n }],
    content: { body: { $case: 'text', value: 'zwei\nZeilen 你好 👍' }, contentType: '' },
    ...more,
  };
}

async function opened(): Promise<{ store: FileDraftStore; drafts: Draft[] }> {
  const store = new FileDraftStore(file);
  stores.push(store);
  return { store, drafts: await store.load() };
}

describe('drafts in a file', () => {
  test('are there again after a restart, the same to the byte and in order', async () => {
    const { store } = await opened();
    const opaque = Buffer.from([0, 255, 10, 13]);
    const all = [
      draft('a'),
      draft('b', { content: { body: { $case: 'opaque', value: opaque }, contentType: 'x/y' }, expectedSequence: 4n }),
      draft('c', { content: undefined }),
    ];
    await Promise.all(all.map((each) => store.put(each)));
    await store.close();
    expect((await opened()).drafts).toEqual(all);
  });

  test('are gone when they were removed', async () => {
    const { store } = await opened();
    await store.put(draft('a'));
    await store.put(draft('b'));
    await store.remove('t', 'a');
    await store.close();
    expect((await opened()).drafts.map((each) => each.clientMessageId)).toEqual(['b']);
  });

  test('survive a last line that was cut off, which was never promised', async () => {
    const { store } = await opened();
    await store.put(draft('a'));
    await store.close();
    await appendFile(file, '{"put":{"threadId":"t","clientMess');
    const { store: again, drafts } = await opened();
    expect(drafts.map((each) => each.clientMessageId)).toEqual(['a']);
    await again.put(draft('b'));
    await again.close();
    expect((await opened()).drafts.map((each) => each.clientMessageId)).toEqual(['a', 'b']);
  });

  test('that are damaged before the end are not passed over in silence', async () => {
    const { store } = await opened();
    await store.put(draft('a'));
    await store.close();
    await writeFile(file, `garbage\n${await readFile(file, 'utf8')}`);
    await expect(opened()).rejects.toThrow(SyntaxError);
  });

  test('leave a small file behind, however many there were', async () => {
    const { store } = await opened();
    for (let round = 0; round < 30; round += 1) {
      const ids = Array.from({ length: 50 }, (_, index) => `${round}-${index}`);
      await Promise.all(ids.map((id) => store.put(draft(id))));
      await Promise.all(ids.map((id) => store.remove('t', id)));
    }
    await store.close();
    expect((await readFile(file, 'utf8')).length).toBeLessThan(400_000);
    expect((await opened()).drafts).toEqual([]);
  });

  test('that could not be written are refused and do not come back later', async () => {
    const { store } = await opened();
    await store.put(draft('a'));
    await store.close();
    await rm(path.dirname(file), { recursive: true });
    await expect(store.put(draft('b'))).rejects.toThrow('ENOENT');
    const again = new FileDraftStore(file);
    expect(await again.load()).toEqual([]);
    await again.close();
    await store.put(draft('c'));
    await store.close();
    expect((await opened()).drafts.map((each) => each.clientMessageId)).toEqual(['a', 'c']);
  });
});
