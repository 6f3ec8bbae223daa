// A folder that cannot be trusted is refused with words, before anything in it is changed.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../server/core/clock.ts';
import { type LogId, type ThreadId, threadLog } from '../../server/core/ids.ts';
import { openEmbeddedStore } from '../../server/store/embedded/store.ts';
import type { Store } from '../../server/store/store.ts';
import { all, append, message, textOf } from '../contract/samples.ts';
import type { ChildWork } from './store-child.ts';

const log = 'g_log' as LogId;
const tables = 200;
let scratch: string;
/** With some tables, and a log of thirty appends that are in no table yet. */
let sound: string;

beforeAll(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), 'parley-folder-'));
  sound = path.join(scratch, 'sound');
  await using store = await openEmbeddedStore({ folder: sound, clock: systemClock });
  let { head } = await append(
    store,
    log,
    undefined,
    Array.from({ length: tables }, (_, at) => message(`table ${at}`)),
  );
  await store.compact();
  for (let at = 0; at < 30; at++)
    ({ head } = await append(store, log, head, [message(`log ${at} ${'x'.repeat(3_000)}`)]));
});
afterAll(() => rm(scratch, { recursive: true }));

let copies = 0;
async function copy(): Promise<string> {
  const folder = path.join(scratch, `copy-${++copies}`);
  await cp(sound, folder, { recursive: true });
  return folder;
}

const openIn = (folder: string): Promise<Store> => openEmbeddedStore({ folder, clock: systemClock });

async function contents(folder: string): Promise<Map<string, string>> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((one) => one.isFile());
  const hashes = files.map(async (file): Promise<[string, string]> => {
    const name = path.join(file.parentPath, file.name);
    return [
      path.relative(folder, name),
      createHash('sha256')
        .update(await readFile(name))
        .digest('hex'),
    ];
  });
  return new Map(await Promise.all(hashes));
}

/** The one file of that kind, or the largest. */
async function fileOf(folder: string, pattern: RegExp): Promise<string> {
  const db = path.join(folder, 'db');
  const names = (await readdir(db)).filter((name) => pattern.test(name));
  const sized = await Promise.all(
    names.map(async (name) => ({ name, size: (await readFile(path.join(db, name))).length })),
  );
  const largest = sized.toSorted((a, b) => b.size - a.size)[0];
  if (largest === undefined) throw new Error(`there is no ${pattern} in ${db}`);
  return path.join(db, largest.name);
}

async function flip(file: string, at: number): Promise<void> {
  const handle = await open(file, 'r+');
  const { size } = await handle.stat();
  const byte = Buffer.alloc(1);
  const place = at < 0 ? size + at : at;
  await handle.read(byte, 0, 1, place);
  byte[0] = (byte[0] ?? 0) ^ 0xff;
  await handle.write(byte, 0, 1, place);
  await handle.close();
}

describe('a damaged folder', () => {
  const damages: Record<string, (folder: string) => Promise<void>> = {
    'db/CURRENT is missing': (folder) => rm(path.join(folder, 'db/CURRENT')),
    'db/CURRENT names a manifest that is not there': (folder) =>
      writeFile(path.join(folder, 'db/CURRENT'), 'MANIFEST-999999\n'),
    'the manifest is missing': async (folder) => rm(await fileOf(folder, /^MANIFEST/)),
    'the manifest has a wrong byte': async (folder) => flip(await fileOf(folder, /^MANIFEST/), 60),
    'the manifest is empty': async (folder) => truncate(await fileOf(folder, /^MANIFEST/), 0),
    'a table is missing': async (folder) => rm(await fileOf(folder, /\.ldb$/)),
    'a table is cut short': async (folder) => truncate(await fileOf(folder, /\.ldb$/), 1_000),
    'a table is empty': async (folder) => truncate(await fileOf(folder, /\.ldb$/), 0),
    'the end of a table is wrong': async (folder) => flip(await fileOf(folder, /\.ldb$/), -4),
    'the log is missing': async (folder) => rm(await fileOf(folder, /\.log$/)),
    'the log has a wrong byte': async (folder) => flip(await fileOf(folder, /\.log$/), 5_000),
    'the log has a wrong length': async (folder) => flip(await fileOf(folder, /\.log$/), 4),
    'the log has a wrong byte far behind': async (folder) => flip(await fileOf(folder, /\.log$/), 60_000),
    'the whole database is missing': (folder) => rm(path.join(folder, 'db'), { recursive: true }),
    'the format is not one of Parley': (folder) => writeFile(path.join(folder, 'format'), 'something else'),
    'the format is missing': (folder) => rm(path.join(folder, 'format')),
    'the epoch is not a number': (folder) => writeFile(path.join(folder, 'epoch'), 'yesterday'),
  };
  for (const [name, damage] of Object.entries(damages)) {
    test(`is refused with what to do, and stays as it is (${name})`, async () => {
      const folder = await copy();
      await damage(folder);
      const before = await contents(folder);
      await expect(openIn(folder)).rejects.toThrow(/is damaged: .*restore a backup/);
      // What LevelDB itself notices, it notices after it has turned to a new file of notes.
      const after = await contents(folder);
      for (const notes of ['db/LOG', 'db/LOG.old']) [before, after].forEach((files) => files.delete(notes));
      if (name !== 'the format is missing') expect(after).toEqual(before);
      await expect(openIn(folder)).rejects.toThrow(/restore a backup/);
    });
  }

  test('that is only torn at its end, where a loss of power tears it, opens without what was never promised', async () => {
    for (const tear of [
      async (file: string) => truncate(file, (await readFile(file)).length - 100),
      (file: string) => flip(file, -1),
    ]) {
      const folder = await copy();
      await tear(await fileOf(folder, /\.log$/));
      await using store = await openIn(folder);
      const entries = await all(store, log);
      expect(entries).toHaveLength(tables + 29);
      expect(textOf(entries.at(-1))).toMatch(/^log 28 /);
      expect((await store.head(log))?.sequence).toBe(BigInt(tables + 29));
    }
  });

  test('whose damage shows only when a value is read refuses that value, and gives the others', async () => {
    const folder = await copy();
    const file = await fileOf(folder, /\.ldb$/);
    await flip(file, (await readFile(file)).indexOf('table 100'));
    await using store = await openIn(folder);
    const read = (sequence: bigint): ReturnType<Store['entries']> =>
      store.entries(log, { after: sequence - 1n, upTo: sequence, limit: 1 });
    await expect(read(101n)).rejects.toMatchObject({
      reason: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('damaged') as string,
    });
    expect((await read(100n)).map(textOf)).toEqual(['table 99']);
  });
});

test('a folder of a newer format is refused, and stays as it is', async () => {
  const folder = await copy();
  await writeFile(path.join(folder, 'format'), 'parley-store 2\n');
  const before = await contents(folder);
  await expect(openIn(folder)).rejects.toThrow(/has format 2, and this version of Parley knows up to 1/);
  expect(await contents(folder)).toEqual(before);
});

test('a folder that is open is refused to a second, by name and process', async () => {
  const folder = await copy();
  await using store = await openIn(folder);
  await expect(openIn(folder)).rejects.toThrow(`the store in ${folder} is in use by process ${process.pid}: stop that`);
  const { head } = await append(store, log, await store.head(log), [message('undisturbed')]);
  expect(head.sequence).toBe(BigInt(tables + 31));
});

test('a folder that another process has open is refused, and free when that is killed', async () => {
  const folder = path.join(scratch, 'other');
  const threads = ['g_t' as ThreadId];
  const work: ChildWork = { folder, threads, appends: 1_000_000, run: 'run', sync: true };
  const child = fileURLToPath(import.meta.resolve('./store-child.ts'));
  const other = spawn(process.execPath, [child, JSON.stringify(work)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise<void>((resolve) =>
    other.stdout
      .setEncoding('utf8')
      .on('data', (said: string) => (said.includes('"sequence"') ? resolve() : undefined)),
  );
  await expect(openIn(folder)).rejects.toThrow(`is in use by process ${other.pid}`);
  other.kill('SIGKILL');
  await new Promise((resolve) => other.on('close', resolve));
  await using store = await openIn(folder);
  expect(await store.head(threadLog('g_t' as ThreadId))).toBeDefined();
});

test('the epoch is kept, and made anew when its file is missing', async () => {
  const folder = await copy();
  const epochOf = async (): Promise<bigint | undefined> => {
    await using store = await openIn(folder);
    return (await store.head(log))?.epoch;
  };
  const first = await epochOf();
  expect(await epochOf()).toBe(first);
  await rm(path.join(folder, 'epoch'));
  const second = await epochOf();
  expect(second).toBeGreaterThan(first ?? 0n);
  expect(await epochOf()).toBe(second);
});

test('a start that was cut off before the folder was whole is begun anew', async () => {
  const folder = path.join(scratch, 'begun');
  await (await openIn(folder))[Symbol.asyncDispose]();
  await rm(path.join(folder, 'format'));
  await using store = await openIn(folder);
  expect((await append(store, log, undefined, [message('first')])).head.sequence).toBe(1n);
});
