import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { type Clock, pause } from '../../core/clock.ts';
import type { Database } from './database.ts';
import type { StoreLog } from './log.ts';

const firstPauseMs = 100;
const longestPauseMs = 5_000;
/** What opening writes beside the logs that it replays: a manifest, a new log, and its own notes. */
const openingBytes = 1024 * 1024;

export interface RecoveryOptions {
  readonly database: Database;
  /** For the probe file; on the disk of the database. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: StoreLog;
}

/**
 * Opens the database again once its disk takes writes. Until a probe as large as what opening needs has been written and
 * fsynced, the old handle stays open: reads go on.
 */
export async function recover(options: RecoveryOptions, signal: AbortSignal): Promise<void> {
  const { database, clock, log } = options;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    await pause(clock, pauseMs * (0.5 + clock.random() / 2), signal);
    signal.throwIfAborted();
    try {
      await probe(path.join(options.folder, 'probe'), (await replayedBytes(database.folder)) + openingBytes);
      await database.reopen();
      return;
    } catch (error) {
      log.warn({ err: error, nextTryMs: pauseMs * 2 }, 'the disk of the store does not take writes yet');
    }
  }
}

/** Opening writes the logs' rows into a table. */
async function replayedBytes(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder)) {
    if (name.endsWith('.log')) bytes += (await stat(path.join(folder, name))).size;
  }
  return bytes;
}

async function probe(file: string, bytes: number): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  try {
    const handle = await open(file, 'w');
    try {
      const chunk = Buffer.alloc(64 * 1024, 1);
      for (let written = 0; written < bytes; written += chunk.length) await handle.writeFile(chunk);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } finally {
    await rm(file, { force: true });
  }
}
