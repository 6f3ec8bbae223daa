// One launcher per data folder. The store has a lock of its own that keeps data safe; this one is for a clear message,
// before anything is started, and tells other tools where the running platform listens.
import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readStat } from './proc.ts';

export interface Claim {
  release(): void;
}

interface Holder {
  readonly pid: number;
  /** When that process began, in the kernel's ticks: a process id may be used again. */
  readonly began: string;
  readonly gateway: string;
}

/** The data folder is in use; the message says by what. */
export class ClaimedError extends Error {
  override readonly name = 'ClaimedError';
}

/** The data folder is none, or cannot be made or written into; the message names it and says why. */
export class FolderError extends Error {
  override readonly name = 'FolderError';
}

/** Writes start.json into the folder, or throws ClaimedError while the process that wrote it lives, FolderError where nothing can be written. */
export function claimFolder(dataDir: string, gateway: string): Claim {
  const file = path.join(dataDir, 'start.json');
  const draft = `${file}.${process.pid}`;
  if (existsSync(path.join(dataDir, 'format'))) {
    throw new FolderError(`${dataDir} is a store itself; npm start keeps its own in ${path.join(dataDir, 'store')}`);
  }
  try {
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(draft, JSON.stringify({ pid: process.pid, began: beginOf(process.pid), gateway } satisfies Holder));
  } catch (error) {
    throw new FolderError(`the data folder ${dataDir} cannot be used: ${(error as Error).message}`, { cause: error });
  }
  try {
    for (;;) {
      try {
        linkSync(draft, file);
        return { release: () => rmSync(file, { force: true }) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const holder = readHolder(file);
      if (holder !== undefined && isAlive(holder)) {
        throw new ClaimedError(
          `Parley runs in this folder already: process ${holder.pid}, listening on ${holder.gateway}`,
        );
      }
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

function readHolder(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, began }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  return beginOf(pid) === began;
}

/** Field 22 of /proc/PID/stat; empty where there is no /proc, so that only the process id is compared. */
function beginOf(pid: number): string {
  try {
    return readStat(readFileSync(`/proc/${pid}/stat`, 'utf8')).began;
  } catch {
    return '';
  }
}
