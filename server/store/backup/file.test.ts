import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HandClock } from '../../../test/support/clock.ts';
import type { LogId, UserId } from '../../core/ids.ts';
import { noDevice } from '../../core/ids.ts';
import type { BackupEntry, BackupItem, BackupSource } from '../backup.ts';
import { type BackupCounts, blockBytes } from './file.ts';
import { loadBackup } from './load.ts';
import { BackupReader } from './reader.ts';
import { saveBackup } from './save.ts';

const clock = new HandClock();

function entry(sequence: bigint, ordinal = sequence): BackupEntry {
  return {
    sequence,
    ordinal,
    senderId: 'alice' as UserId,
    deviceId: noDevice,
    clientMessageId: `id-${sequence}`,
    createTimeMs: 5,
    fingerprint: 'f',
    change: {
      kind: 'message',
      replyTo: 0n,
      body: { content: { text: 'x'.repeat(1_000) }, mentions: [], attachments: [] },
      editSequence: 0n,
      deleteSequence: 0n,
    },
  };
}

function* logOf(log: string, entries: number): Iterable<BackupItem> {
  for (let at = 1; at <= entries; at += 50) {
    const some = Array.from({ length: 50 }, (_, index) => entry(BigInt(at + index)));
    yield { kind: 'entries', log: log as LogId, entries: some };
  }
  yield { kind: 'changed', log: log as LogId, entries: [entry(7n), entry(9n)] };
  yield { kind: 'log-end', log: log as LogId, sequence: BigInt(entries) };
}

function sourceOf(items: Iterable<BackupItem>): BackupSource {
  return {
    store: 'embedded',
    epoch: 7n,
    async *items() {
      yield* items;
    },
    async [Symbol.asyncDispose]() {},
  };
}

describe('a backup file', () => {
  let folder: string;
  let whole: Buffer;
  let copies = 0;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'parley-backup-'));
    const file = path.join(folder, 'whole');
    await saveBackup(sourceOf(logOf('g_one', 1_000)), file, { clock });
    whole = await readFile(file);
  });
  afterAll(() => rm(folder, { recursive: true }));

  const put = async (bytes: Buffer): Promise<string> => {
    const file = path.join(folder, `copy-${++copies}`);
    await writeFile(file, bytes);
    return file;
  };

  /** Why it is refused; the target must not even have been looked at. */
  const refusal = async (file: string): Promise<string> => {
    let opened = false;
    const open = (): never => {
      opened = true;
      throw new Error('the target was opened');
    };
    const message = await loadBackup(file, { clock, open }).then(
      () => 'not refused',
      (error: Error) => error.message,
    );
    return opened ? 'the target was opened' : message;
  };

  test('has several blocks, and is for its owner alone', async () => {
    expect(whole.length).toBeGreaterThan(blockBytes * 3);
    expect((await stat(path.join(folder, 'whole'))).mode & 0o777).toBe(0o600);
  });

  test('that is whole is read to its end', async () => {
    expect(await refusal(await put(whole))).toBe('the target was opened');
  });

  test('that is cut off anywhere is refused', async () => {
    for (let at = 0; at < 60; at++) {
      const length = at < 30 ? whole.length - 1 - at : Math.floor((whole.length * (at - 30)) / 30);
      const file = await put(whole);
      await truncate(file, length);
      expect([length, await refusal(file)]).toEqual([length, expect.stringMatching(/cut off|no backup of Parley/)]);
    }
  });

  test('of which a bit is another one anywhere is refused', async () => {
    for (let at = 0; at < 100; at++) {
      const offset = at < 50 ? at : Math.floor(clock.random() * whole.length);
      const bytes = Buffer.from(whole);
      bytes.writeUInt8(bytes.readUInt8(offset) ^ (1 << (at % 8)), offset);
      const words = /damaged|cut off|no backup of Parley|newer/;
      expect([offset, await refusal(await put(bytes))]).toEqual([offset, expect.stringMatching(words)]);
    }
  });

  test('to which something was added is refused', async () => {
    const file = await put(whole);
    await appendFile(file, whole.subarray(-100));
    expect(await refusal(file)).toMatch(/damaged|cut off/);
  });

  test('from which a whole block was taken is refused', async () => {
    // Its first block begins after the line and the header.
    const line = whole.indexOf('\n') + 1;
    const header = line + 9 + whole.readUInt32BE(line);
    const block = header + 9 + whole.readUInt32BE(header);
    const without = Buffer.concat([whole.subarray(0, header), whole.subarray(block)]);
    expect(await refusal(await put(without))).toMatch(/damaged|in the place of 1 /);
  });

  test('of a newer format is refused, and says so', async () => {
    const bytes = Buffer.concat([Buffer.from('parley-backup 3\n'), whole.subarray(16)]);
    expect(await refusal(await put(bytes))).toMatch(/has format 3, and this version of Parley knows up to 2/);
  });

  test('of format 1, which had no devices, is read', async () => {
    const end = whole.lastIndexOf('{"counts"');
    const before = Buffer.concat([Buffer.from('parley-backup 1\n'), whole.subarray(16, end - 9)]);
    const { counts } = JSON.parse(whole.toString('utf8', end)) as { counts: Partial<BackupCounts> };
    delete counts.deviceRecords;
    const sha256 = createHash('sha256').update(before).digest('hex');
    const payload = Buffer.from(`E${JSON.stringify({ counts, sha256 })}`);
    const prefix = Buffer.alloc(8);
    prefix.writeUInt32BE(payload.length - 1);
    prefix.writeUInt32BE(crc32(payload), 4);
    expect(await refusal(await put(Buffer.concat([before, prefix, payload])))).toBe('the target was opened');
  });

  test('that is another kind of file is refused', async () => {
    expect(await refusal(await put(Buffer.from('SQLite format 3\0')))).toMatch(/no backup of Parley/);
    expect(await refusal(path.join(folder, 'nowhere'))).toMatch(/cannot be read/);
  });

  test.each([
    ['a hole', [{ kind: 'entries', log: 'g_a' as LogId, entries: [entry(1n), entry(3n)] }], /in the place of 2/],
    ['a false count of messages', [{ kind: 'entries', log: 'g_a' as LogId, entries: [entry(1n, 2n)] }], /message 2/],
    [
      'a change that no entry made',
      [
        { kind: 'entries', log: 'g_a' as LogId, entries: [entry(1n)] },
        { kind: 'changed', log: 'g_a' as LogId, entries: [entry(2n)] },
      ],
      /has a change of 2/,
    ],
    ['no end', [{ kind: 'entries', log: 'g_a' as LogId, entries: [entry(1n)] }], /has no end/],
    ['a false end', [{ kind: 'log-end', log: 'g_a' as LogId, sequence: 4n }], /ends at 0 instead of 4/],
  ] as const)('with a log that has %s is refused', async (_, items, words) => {
    const file = path.join(folder, `log-${++copies}`);
    await saveBackup(sourceOf(items as readonly BackupItem[]), file, { clock });
    expect(await refusal(file)).toMatch(words);
  });

  test('is not there, nor anything of it, when the store fails meanwhile', async () => {
    const file = path.join(folder, 'failing');
    const failing = function* (): Iterable<BackupItem> {
      yield* logOf('g_one', 1_000);
      throw new Error('the store is gone');
    };
    await expect(saveBackup(sourceOf(failing()), file, { clock })).rejects.toThrow('the store is gone');
    expect((await readdir(folder)).filter((name) => name.startsWith('failing'))).toEqual([]);
  });

  test('takes no other file’s place', async () => {
    const file = await put(Buffer.from('kept'));
    await expect(saveBackup(sourceOf([]), file, { clock })).rejects.toThrow(/is there already/);
    expect(await readFile(file, 'utf8')).toBe('kept');
  });

  test('has what was put in, in its order, and a header', async () => {
    await using reader = await BackupReader.open(path.join(folder, 'whole'));
    expect(reader.header).toEqual({ createMs: clock.nowMs(), store: 'embedded', epoch: 7n });
    const items: BackupItem[] = [];
    for await (const item of reader.items()) items.push(item);
    expect(items).toEqual([...logOf('g_one', 1_000)]);
  });
});
