import type { Clock } from '../../core/clock.ts';
import { KeyedQueue } from '../../core/keyed-queue.ts';
import type { LogId } from '../../core/ids.ts';
import { BackupError, type BackupItem, type BackupTarget, raisedEpoch } from '../backup.ts';
import { type BackupCounts, type BackupHeader, noCounts } from './file.ts';
import { LogFold } from './log-fold.ts';
import { BackupReader } from './reader.ts';
import { count } from './writer.ts';

/** Items that are being put in at once: of different logs, since those of one follow each other. */
const itemsAtOnce = 64;

export interface LoadOptions {
  readonly clock: Clock;
  /** Looks at the target, and refuses one that is not empty. Called when the file was found whole: nothing is written before. */
  readonly open: () => Promise<BackupTarget>;
  readonly onProgress?: (phase: 'checking' | 'writing', bytes: number, of: number) => void;
}

export interface Loaded {
  readonly header: BackupHeader;
  readonly counts: BackupCounts;
  readonly epoch: bigint;
}

/**
 * Makes a store from a backup, of a raised epoch. The file is read twice: whole, before anything is written, and then item by item.
 * @throws BackupError; the target is then as it was, or the message says what is left
 */
export async function loadBackup(file: string, { clock, open, onProgress }: LoadOptions): Promise<Loaded> {
  await using reader = await BackupReader.open(file);
  await check(reader, (bytes) => onProgress?.('checking', bytes, reader.bytes));
  const target = await open();
  const epoch = raisedEpoch(reader.header.epoch, clock);
  try {
    const loading = new Loading(target);
    for await (const item of reader.items((bytes) => onProgress?.('writing', bytes, reader.bytes))) {
      await loading.take(item);
    }
    await loading.end();
    await target.finish(epoch);
    return { header: reader.header, counts: loading.counts, epoch };
  } catch (error) {
    const left = await target.abandon();
    throw new BackupError(`${(error as Error).message}. ${left}`, { cause: error });
  } finally {
    await target[Symbol.asyncDispose]();
  }
}

/** Reads everything, and folds it: what can be no log is found before anything is written. */
async function check(reader: BackupReader, onBytes: (bytes: number) => void): Promise<void> {
  const logs = new OpenLogs();
  for await (const item of reader.items(onBytes)) {
    if (item.kind === 'entries') for (const entry of item.entries) logs.of(item.log).take(entry);
    else if (item.kind === 'changed') for (const entry of item.entries) logs.of(item.log).judgeChanged(entry);
    else if (item.kind === 'log-end') logs.end(item.log, item.sequence);
  }
  logs.refuseOpen();
}

/** Logs of which more comes. */
class OpenLogs {
  readonly #folds = new Map<LogId, LogFold>();

  of(log: LogId): LogFold {
    let fold = this.#folds.get(log);
    if (fold === undefined) this.#folds.set(log, (fold = new LogFold(log)));
    return fold;
  }

  end(log: LogId, sequence: bigint): LogFold {
    const fold = this.of(log);
    this.#folds.delete(log);
    if (fold.sequence !== sequence) throw new BackupError(`log ${log} ends at ${fold.sequence} instead of ${sequence}`);
    return fold;
  }

  refuseOpen(): void {
    for (const log of this.#folds.keys()) throw new BackupError(`log ${log} has no end`);
  }
}

/** Puts items in, those of different logs side by side. */
class Loading {
  readonly #target: BackupTarget;
  readonly #logs = new OpenLogs();
  readonly #queue = new KeyedQueue();
  readonly #running = new Set<Promise<void>>();
  #failure: Error | undefined;
  #logsEnded = false;
  readonly counts = noCounts();

  constructor(target: BackupTarget) {
    this.#target = target;
  }

  async take(item: BackupItem): Promise<void> {
    count(this.counts, item);
    const { key, work } = this.#workOf(item);
    if (!this.#logsEnded && isBesideLogs(item)) {
      await this.#settled(0);
      this.#logsEnded = true;
    }
    await this.#settled(itemsAtOnce - 1);
    const running = this.#queue.run(key, work).catch((error: unknown) => {
      this.#failure ??= error as Error;
    });
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }

  async end(): Promise<void> {
    await this.#settled(0);
  }

  /** Folding happens here, in the file's order; only writing is put off. */
  #workOf(item: BackupItem): { readonly key: string; readonly work: () => Promise<void> } {
    const target = this.#target;
    switch (item.kind) {
      case 'entries': {
        const fold = this.#logs.of(item.log);
        const placed = item.entries.map((entry) => fold.take(entry));
        return { key: item.log, work: () => target.entries(item.log, placed) };
      }
      case 'changed':
        return { key: item.log, work: () => target.changed(item.log, item.entries) };
      case 'log-end': {
        const folded = this.#logs.end(item.log, item.sequence).folded();
        return {
          key: item.log,
          work: async () => (folded === undefined ? undefined : target.endLog(item.log, folded)),
        };
      }
      case 'positions':
        return { key: item.thread, work: () => target.positions(item.thread, item.positions) };
      case 'devices':
        return { key: 'devices', work: () => target.devices(item.devices) };
      case 'device-records':
        return { key: 'device-records', work: () => target.deviceRecords(item.records) };
      case 'seen':
        return { key: 'seen', work: () => target.seen(item.times) };
      case 'secret':
        return { key: 'secrets', work: () => target.secret(item.name, item.value) };
    }
  }

  async #settled(most: number): Promise<void> {
    while (this.#running.size > most) await Promise.race(this.#running);
    if (this.#failure !== undefined) {
      await Promise.all(this.#running);
      throw this.#failure;
    }
  }
}

function isBesideLogs({ kind }: BackupItem): boolean {
  return kind === 'devices' || kind === 'device-records' || kind === 'seen' || kind === 'secret';
}
