// Backups under what may happen to them: a store that is being written to, processes that are killed, disks that are full.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../platform/wait.ts';
import { systemClock } from '../../server/core/clock.ts';
import type { LogId } from '../../server/core/ids.ts';
import { loadBackup } from '../../server/store/backup/load.ts';
import { saveBackup } from '../../server/store/backup/save.ts';
import { openBackupSource } from '../../server/store/embedded/backup-source.ts';
import { openBackupTarget } from '../../server/store/embedded/backup-target.ts';
import { openEmbeddedStore } from '../../server/store/embedded/store.ts';
import type { Store } from '../../server/store/store.ts';
import { append, message } from '../contract/samples.ts';
import { SmallDisk } from '../support/small-disk.ts';

const clock = systemClock;
const root = path.resolve(import.meta.dirname, '../..');
const first = 'g_first' as LogId;
const second = 'g_second' as LogId;
const fat = 'x'.repeat(20_000);

let scratch: string;
let folder: string;
let store: Store;
/** A backup of some megabytes. */
let file: string;

beforeAll(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), 'parley-backup-'));
  folder = path.join(scratch, 'store');
  store = await openEmbeddedStore({ folder, clock });
  let head;
  for (let at = 0; at < 60; at++) {
    const entries = Array.from({ length: 10 }, () => message(fat));
    ({ head } = await append(store, 'g_large' as LogId, head, entries));
  }
  file = path.join(scratch, 'backup');
  await using source = await openBackupSource(folder);
  await saveBackup(source, file, { clock });
});
afterAll(async () => {
  await store[Symbol.asyncDispose]();
  await rm(scratch, { recursive: true });
});

const restoreInto = (target: string): Promise<unknown> =>
  loadBackup(file, { clock, open: () => openBackupTarget(target) });

test('a backup of a store that is written to and compacted has all its logs as of one moment', async () => {
  let written = 0;
  let stop = false;
  const writing = (async () => {
    let heads: [Awaited<ReturnType<Store['head']>>, Awaited<ReturnType<Store['head']>>] = [undefined, undefined];
    while (!stop) {
      const one = await append(store, first, heads[0], [message(fat)]);
      const two = await append(store, second, heads[1], [message(fat)]);
      heads = [one.head, two.head];
      written++;
    }
  })();
  const compacting = (async () => {
    while (!stop) await store.compact();
  })();
  try {
    for (let at = 0; at < 5; at++) {
      const wanted = written + 12;
      await until(() => (written >= wanted ? true : undefined), { what: 'more to be written', withinMs: 60_000 });
      const before = written;
      const copy = path.join(scratch, `busy-${at}`);
      {
        await using source = await openBackupSource(folder);
        await saveBackup(source, copy, { clock });
      }
      const target = path.join(scratch, `restored-${at}`);
      await loadBackup(copy, { clock, open: () => openBackupTarget(target) });
      await using restored = await openEmbeddedStore({ folder: target, clock });
      const one = Number((await restored.head(first))?.sequence);
      const two = Number((await restored.head(second))?.sequence);
      expect(two).toBeGreaterThanOrEqual(before);
      // The second log follows the first: no moment has it ahead, or more than one behind.
      expect([0, 1]).toContain(one - two);
      expect(await restored.entries(second, { after: BigInt(two - 1), upTo: BigInt(two), limit: 5 })).toHaveLength(1);
    }
  } finally {
    stop = true;
    await Promise.all([writing, compacting]);
  }
  expect((await readdir(folder)).filter((name) => name.startsWith('snapshot'))).toEqual([]);
});

describe('a process that is killed', () => {
  const killedWhen = async (program: string, args: string[], condition: () => Promise<boolean>): Promise<void> => {
    const child: ChildProcess = spawn(process.execPath, [program, ...args], {
      cwd: root,
      stdio: 'ignore',
      env: { PATH: process.env['PATH'] },
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await until(async () => ((await condition()) ? true : undefined), { what: program, withinMs: 60_000, everyMs: 1 });
    child.kill('SIGKILL');
    await ended;
  };

  test('while it restores leaves what no node starts on and no restore goes into', async () => {
    const target = path.join(scratch, 'killed', 'store');
    const args = ['--from', file, '--data', path.dirname(target)];
    await killedWhen('server/restore.ts', args, async () => existsSync(path.join(target, 'pid')));
    expect(existsSync(path.join(target, 'format'))).toBe(false);
    await expect(openEmbeddedStore({ folder: target, clock })).rejects.toThrow(/a restore into .* was broken off/);
    await expect(restoreInto(target)).rejects.toThrow(/is not empty/);
    await rm(target, { recursive: true });
    await restoreInto(target);
  });

  test('while it backs up leaves no backup, and the next one removes what it held', async () => {
    const target = path.join(scratch, 'killed-backup');
    const snapshots = async (): Promise<string[]> =>
      (await readdir(folder)).filter((name) => name.startsWith('snapshot'));
    await killedWhen(
      'server/backup.ts',
      ['--to', target, '--data', folder],
      async () => (await snapshots()).length > 0,
    );
    expect(existsSync(target)).toBe(false);
    expect(await snapshots()).toHaveLength(1);
    await using source = await openBackupSource(folder);
    await saveBackup(source, target, { clock });
    expect(await snapshots()).toHaveLength(1);
    await source[Symbol.asyncDispose]();
    expect(await snapshots()).toEqual([]);
  });
});

describe('a disk that is full', () => {
  test('has no backup on it, nor a part of one', async () => {
    await using disk = await SmallDisk.make(4);
    await using source = await openBackupSource(folder);
    const target = path.join(disk.folder, 'backup');
    await expect(saveBackup(source, target, { clock })).rejects.toThrow(/its disk is full/);
    expect(await readdir(disk.folder)).toEqual([]);
  });

  test('has no restored store on it, and is as it was', async () => {
    await using disk = await SmallDisk.make(4);
    const target = path.join(disk.folder, 'store');
    await expect(restoreInto(target)).rejects.toThrow(/store is as it was/);
    expect(await readdir(target)).toEqual([]);
  });
});

test('a store that is in use is no target', async () => {
  await expect(restoreInto(folder)).rejects.toThrow(/is not empty/);
});
