// A disk that is full, and one that fails: sends are refused with a typed error, reads go on, and sends are taken again when
// the disk takes them. What was refused is not there in part.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { systemClock } from '../../server/core/clock.ts';
import type { Head } from '../../server/core/entry.ts';
import { Refusal } from '../../server/core/errors.ts';
import { type ThreadId, threadLog, type UserId } from '../../server/core/ids.ts';
import { openEmbeddedStore } from '../../server/store/embedded/store.ts';
import type { Store } from '../../server/store/store.ts';
import { all, appendOf, message, newLog, textOf } from '../contract/samples.ts';
import { needs } from '../support/skip.ts';
import { checkStore, promisesOf } from './store-checks.ts';
import type { ChildWork } from './store-child.ts';

const mebibyte = 1024 * 1024;

/** A disk of this many MiB, in a folder of its own. */
async function newDisk(size: number): Promise<{ readonly folder: string } & AsyncDisposable> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-disk-'));
  const run = (command: string, ...args: string[]): void => {
    const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${command} failed: ${stderr}`);
  };
  run('mount', '-t', 'tmpfs', '-o', `size=${size}m`, 'tmpfs', folder);
  return {
    folder,
    async [Symbol.asyncDispose]() {
      run('umount', folder);
      await rm(folder, { recursive: true });
    },
  };
}

interface Sent {
  readonly head: Head | undefined;
  readonly texts: readonly string[];
  readonly refused: Refusal | undefined;
}

/** Sends until it is refused, or so many were taken. */
async function send(
  store: Store,
  log: ReturnType<typeof newLog>,
  from: Sent,
  bytes: number,
  count = 100_000,
): Promise<Sent> {
  let head = from.head;
  const texts = [...from.texts];
  for (let sent = 0; sent < count; sent++) {
    const text = `${texts.length} ${'x'.repeat(bytes)}`;
    try {
      const result = await store.append(log, appendOf(head, [message(text)]));
      if (result.outcome !== 'appended') throw new Error(`was ${result.outcome}`);
      head = result.head;
      texts.push(text);
    } catch (error) {
      if (error instanceof Refusal) return { head, texts, refused: error };
      throw error;
    }
  }
  return { head, texts, refused: undefined };
}

const nothing: Sent = { head: undefined, texts: [], refused: undefined };

async function readTexts(store: Store, log: ReturnType<typeof newLog>): Promise<(string | undefined)[]> {
  const texts: (string | undefined)[] = [];
  for (;;) {
    const more = await store.entries(log, { after: BigInt(texts.length), upTo: 1n << 40n, limit: 1_000 });
    if (more.length === 0) return texts;
    texts.push(...more.map(textOf));
  }
}

needs('mount')('a full disk', () => {
  // What is freed must hold the log once more: LevelDB turns it into a table when it opens. In the second, more was written than LevelDB keeps in memory, so that its tables meet the full disk too.
  for (const { name, size, ballast, bytes } of [
    { name: 'the log meets it', size: 14, ballast: 9, bytes: 1_000 },
    { name: 'tables and compactions meet it', size: 150, ballast: 55, bytes: 60_000 },
  ]) {
    test(`refuses sends while reads go on, and takes them again when there is room (${name})`, async () => {
      await using disk = await newDisk(size);
      await writeFile(path.join(disk.folder, 'ballast'), Buffer.alloc(ballast * mebibyte, 1));
      const folder = path.join(disk.folder, 'store');
      const log = newLog();
      let sent: Sent;
      {
        await using store = await openEmbeddedStore({ folder, clock: systemClock });
        sent = await send(store, log, nothing, bytes);
        expect(sent.refused).toMatchObject({ reason: 'STORE_UNAVAILABLE' });
        expect(store.health()).toMatchObject({ writable: false, why: expect.stringContaining('disk') as string });
        await expect(store.append(log, appendOf(sent.head, [message('more')]))).rejects.toMatchObject({
          reason: 'STORE_UNAVAILABLE',
        });
        await expect(
          store.advance([{ threadId: 'g_t' as ThreadId, userId: 'u' as UserId, sequence: 1n, ordinal: 1n, atMs: 1 }]),
        ).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
        await expect(store.secret('name', () => Uint8Array.of(1))).rejects.toMatchObject({
          reason: 'STORE_UNAVAILABLE',
        });
        expect(await readTexts(store, log)).toEqual(sent.texts);

        await rm(path.join(disk.folder, 'ballast'));
        await expect.poll(() => store.health().writable, { timeout: 30_000 }).toBe(true);
        // The one that was refused is there whole or not at all.
        const found = await readTexts(store, log);
        expect(found.slice(0, sent.texts.length)).toEqual(sent.texts);
        expect(found.length).toBeLessThanOrEqual(sent.texts.length + 1);
        const head = await store.head(log);
        expect(head?.sequence).toBe(BigInt(found.length));
        sent = await send(store, log, { head, texts: found as string[], refused: undefined }, bytes, 20);
        expect(sent.refused).toBeUndefined();
        expect(await readTexts(store, log)).toEqual(sent.texts);
      }
      await using store = await openEmbeddedStore({ folder, clock: systemClock });
      expect(await readTexts(store, log)).toEqual(sent.texts);
    });
  }

  test('is met by many at once, and none of those refused is told that it was taken', async () => {
    await using disk = await newDisk(14);
    await writeFile(path.join(disk.folder, 'ballast'), Buffer.alloc(9 * mebibyte, 1));
    await using store = await openEmbeddedStore({ folder: path.join(disk.folder, 'store'), clock: systemClock });
    const logs = Array.from({ length: 40 }, () => newLog());
    const sent = await Promise.all(logs.map((log) => send(store, log, nothing, 4_000)));
    expect(sent.every((one) => one.refused?.reason === 'STORE_UNAVAILABLE')).toBe(true);
    const read = await Promise.all(logs.map((log) => all(store, log)));
    expect(read.map((entries) => entries.map(textOf))).toEqual(sent.map((one) => one.texts));
    await rm(path.join(disk.folder, 'ballast'));
    await expect.poll(() => store.health().writable, { timeout: 30_000 }).toBe(true);
    for (const [at, log] of logs.entries()) {
      const texts = (await all(store, log)).map(textOf);
      expect(texts.slice(0, sent[at]?.texts.length)).toEqual(sent[at]?.texts);
      const result = await store.append(log, appendOf(await store.head(log), [message('after')]));
      expect(result.outcome).toBe('appended');
    }
  });
});

needs('strace')('a failing disk', () => {
  test('stops appends until the store was reopened, and loses nothing that was promised', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-eio-'));
    const threads = Array.from({ length: 6 }, (_, at) => `g_thread-${at}` as ThreadId);
    const work: ChildWork = { folder, threads, appends: 150, run: 'run', sync: true };
    const child = fileURLToPath(import.meta.resolve('./store-child.ts'));
    // Every fortieth fdatasync of each of its threads fails: those of the log, and those of reopening.
    const inject = ['-f', '-o', '/dev/null', '-e', 'trace=fdatasync', '-e', 'inject=fdatasync:error=EIO:when=40+40'];
    const process_ = spawn('strace', [...inject, process.execPath, child, JSON.stringify(work)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    process_.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    const code = await new Promise((resolve, reject) => process_.on('error', reject).on('close', resolve));
    expect(code).toBe(0);
    const promised = promisesOf(output);
    expect(promised.filter((one) => 'refused' in one).length).toBeGreaterThan(0);
    expect(new Set(promised.flatMap((one) => ('refused' in one ? [one.refused] : [])))).toEqual(
      new Set(['STORE_UNAVAILABLE']),
    );
    const last = promised.findLastIndex((one) => 'refused' in one);
    expect(promised.slice(last).some((one) => 'id' in one)).toBe(true);
    await using store = await openEmbeddedStore({ folder, clock: systemClock });
    await checkStore(store, threads, promised);
    for (const thread of threads) expect((await store.head(threadLog(thread)))?.sequence).toBeGreaterThanOrEqual(150n);
    await rm(folder, { recursive: true });
  });
});
