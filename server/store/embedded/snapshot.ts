import { copyFile, link, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readManifest } from './manifest.ts';

/** A node that compacts removes tables between the reading of the manifest and the linking of what it names. */
const mostTries = 50;

/**
 * A copy of a LevelDB folder as of one moment, although a node may be writing to it: LevelDB changes no table once it is
 * written, and only adds to its logs and its manifest. So the tables that the manifest names are linked, and the manifest
 * as it was read and the logs are copied. What was acknowledged before is in it whole; of the last write under way all or nothing is.
 */
export class Snapshot implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * @param database LevelDB's folder
   * @param beside an existing folder on the same disk, in which the copy is made
   */
  static async take(database: string, beside: string): Promise<Snapshot> {
    await removeLeft(beside);
    const folder = await mkdtemp(path.join(beside, `snapshot-${process.pid}-`));
    try {
      for (let tries = 1; ; tries++) {
        const copy = path.join(folder, String(tries));
        await mkdir(copy);
        if (await copyDatabase(database, copy)) return new Snapshot(folder);
        await rm(copy, { recursive: true });
        if (tries === mostTries) throw new Error('the store changes its files faster than they can be linked');
      }
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** LevelDB's folder in it. */
  async database(): Promise<string> {
    const [name] = await readdir(this.folder);
    return path.join(this.folder, name ?? '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** What processes left that were killed: it keeps tables on the disk that the store has long removed. */
async function removeLeft(beside: string): Promise<void> {
  for (const name of await readdir(beside)) {
    const pid = Number(/^snapshot-(\d+)-/.exec(name)?.[1]);
    if (pid > 0 && !isAlive(pid)) await rm(path.join(beside, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** False when files went away meanwhile: what was copied is then of no use. */
async function copyDatabase(from: string, to: string): Promise<boolean> {
  try {
    const current = await readFile(path.join(from, 'CURRENT'), 'utf8');
    const manifest = await readFile(path.join(from, current.trim()));
    const { tables, logNumber } = readManifest(manifest);
    const names = await readdir(from);
    const there = new Set(names);
    for (const number of tables.keys()) {
      const name = ['ldb', 'sst'].map((kind) => `${padded(number)}.${kind}`).find((one) => there.has(one));
      if (name === undefined) return false;
      await linkOrCopy(path.join(from, name), path.join(to, name));
    }
    if (logNumber > 0 && !there.has(`${padded(logNumber)}.log`)) return false;
    // The newest first: each of the others was complete before the next was begun.
    const logs = names.filter((name) => name.endsWith('.log') && Number.parseInt(name, 10) >= logNumber);
    for (const name of logs.toSorted().toReversed()) await copyFile(path.join(from, name), path.join(to, name));
    await writeFile(path.join(to, current.trim()), manifest);
    await writeFile(path.join(to, 'CURRENT'), current);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

function padded(number: number): string {
  return String(number).padStart(6, '0');
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Some file systems have no links.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EXDEV' && code !== 'EMLINK') throw error;
    await copyFile(from, to);
  }
}
