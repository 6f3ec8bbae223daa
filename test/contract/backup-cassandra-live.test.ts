// A deployment that is used while it is backed up, and a restore that is broken off.
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../server/core/clock.ts';
import type { Entry, Head } from '../../server/core/entry.ts';
import type { LogId } from '../../server/core/ids.ts';
import { loadBackup } from '../../server/store/backup/load.ts';
import { saveBackup } from '../../server/store/backup/save.ts';
import { openBackupSource } from '../../server/store/cassandra/backup-source.ts';
import { openBackupTarget } from '../../server/store/cassandra/backup-target.ts';
import { openBackupTarget as openFolder } from '../../server/store/embedded/backup-target.ts';
import { openEmbeddedStore } from '../../server/store/embedded/store.ts';
import type { Store } from '../../server/store/store.ts';
import { newKeyspace } from '../support/cassandra.ts';
import { needs } from '../support/skip.ts';
import { all, append, deleted, edited, message, newLog, textOf } from './samples.ts';

const clock = systemClock;

async function wholeLog(store: Store, log: LogId): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (;;) {
    const page = await store.entries(log, { after: entries.at(-1)?.sequence ?? 0n, upTo: 1n << 40n, limit: 1_000 });
    if (page.length === 0) return entries;
    entries.push(...page);
  }
}

/** Every message shows what the edits and deletes in its log make of it, no more and no less. */
function expectFold(entries: readonly Entry[]): void {
  const wanted = new Map<bigint, { edit: bigint; delete: bigint }>();
  for (const { sequence, change } of entries) {
    if (change.kind === 'message') wanted.set(sequence, { edit: 0n, delete: 0n });
    if (change.kind !== 'message-edited' && change.kind !== 'message-deleted') continue;
    const message = wanted.get(change.target);
    if (message === undefined || message.delete !== 0n) continue;
    if (change.kind === 'message-edited') message.edit = sequence;
    else message.delete = sequence;
  }
  for (const entry of entries) {
    const { change, sequence } = entry;
    const state = wanted.get(sequence);
    if (change.kind !== 'message' || state === undefined) continue;
    expect([sequence, change.editSequence, change.deleteSequence]).toEqual([sequence, state.edit, state.delete]);
    expect(textOf(entry) === undefined).toBe(state.delete !== 0n);
    if (state.edit !== 0n && state.delete === 0n) expect(textOf(entry)).toBe(`edit by ${state.edit}`);
  }
}

needs('cassandra')('on a Cassandra node', () => {
  test('a backup of a deployment that is appended to has each log whole, with what was acknowledged before', async () => {
    const scratch = await mkdtemp(path.join(os.tmpdir(), 'parley-backup-'));
    await using keyspace = newKeyspace();
    await using node = await keyspace.open();
    const logs = Array.from({ length: 6 }, newLog);
    const known = new Map<LogId, Head>();
    for (const log of logs) {
      const messages = Array.from({ length: 250 }, (_, at) => message(`first ${at}`));
      known.set(log, (await append(node, log, undefined, messages)).head);
    }
    let stop = false;
    // Edits and deletes of what the backup may have read already, and messages.
    const write = async (store: Store, log: LogId): Promise<void> => {
      for (let at = 1; !stop; at++) {
        const target = BigInt((at * 7) % 240) + 1n;
        const next = (known.get(log)?.sequence ?? 0n) + 1n;
        const entries = [edited(target, `edit by ${next}`), deleted(target + 3n), message(`more ${at}`)];
        known.set(log, (await append(store, log, known.get(log), entries)).head);
      }
    };
    const writing = Promise.all(logs.map((log) => write(node, log)));
    try {
      const before = new Map(known);
      const file = path.join(scratch, 'backup');
      {
        await using source = await openBackupSource(keyspace.options);
        await saveBackup(source, file, { clock });
      }
      stop = true;
      await writing;
      const folder = path.join(scratch, 'store');
      await loadBackup(file, { clock, open: () => openFolder(folder) });
      await using second = newKeyspace();
      await loadBackup(file, { clock, open: () => openBackupTarget(second.options) });
      await using inFolder = await openEmbeddedStore({ folder, clock });
      await using inKeyspace = await second.open();
      let grown = 0;
      for (const log of logs) {
        const entries = await wholeLog(inFolder, log);
        expect(await wholeLog(inKeyspace, log)).toEqual(entries);
        expect(entries.length).toBeGreaterThanOrEqual(Number(before.get(log)?.sequence));
        expect(entries.length).toBeLessThanOrEqual(Number(known.get(log)?.sequence));
        if (entries.length > 250) grown++;
        expectFold(entries);
      }
      expect(grown).toBeGreaterThan(0);
    } finally {
      stop = true;
      await writing;
      await rm(scratch, { recursive: true });
    }
  });

  test('a restore that was broken off leaves a keyspace that no node opens, and that none restores into', async () => {
    await using keyspace = newKeyspace();
    const target = await openBackupTarget(keyspace.options);
    const placed = { ...message('half'), sequence: 1n, ordinal: 1n, createTimeMs: 1, membersSequence: 0n };
    await target.entries(newLog(), [placed]);
    await target[Symbol.asyncDispose]();
    await expect(keyspace.open()).rejects.toThrow(/a restore into the keyspace .* is under way, or was broken off/);
    await expect(openBackupTarget(keyspace.options)).rejects.toThrow(/is not empty .* DROP KEYSPACE/s);
    await expect(openBackupSource(keyspace.options)).rejects.toThrow(/broken off/);
  });

  test('a keyspace that a node has opened meanwhile is not made another deployment', async () => {
    await using keyspace = newKeyspace();
    const target = await openBackupTarget(keyspace.options);
    // As a node that had looked for a restore before this one began.
    const epoch = Buffer.alloc(8, 1);
    await keyspace.query("INSERT INTO deployment (name, value) VALUES ('epoch', ?)", [epoch]);
    await expect(target.finish(5n)).rejects.toThrow(/a node was started/);
    await target[Symbol.asyncDispose]();
    await expect(keyspace.open()).rejects.toThrow(/broken off/);
  });

  test('a keyspace without a store is nothing to back up', async () => {
    await using keyspace = newKeyspace();
    await expect(openBackupSource(keyspace.options)).rejects.toThrow(/there is no store in the keyspace/);
    await using node = await keyspace.open();
    await using source = await openBackupSource(keyspace.options);
    const items = [];
    for await (const item of source.items()) items.push(item);
    expect(items).toEqual([]);
    expect(await all(node, newLog())).toEqual([]);
  });
});
