import { open, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { damageIn } from './level-log.ts';
import { readManifest } from './manifest.ts';

/** At the end of every table. */
const tableMagic = 0xdb4775248b80fb57n;

/**
 * What LevelDB would pass over when it opens: it drops log records that it cannot read, and looks into no table. Undefined
 * when nothing of that kind is found. Reads the logs (at most a few times the write buffer) and the ends of the tables.
 */
export async function findDamage(folder: string): Promise<string | undefined> {
  const names = new Set(await readdir(folder));
  const current = (await readFile(path.join(folder, 'CURRENT'), 'utf8')).trim();
  if (!names.has(current)) return `its file "db/${current}" is missing`;
  let manifest;
  try {
    manifest = readManifest(await readFile(path.join(folder, current)));
  } catch (error) {
    if (error instanceof RangeError) return `its file "db/${current}" cannot be read`;
    throw error;
  }
  for (const [number, bytes] of manifest.tables) {
    const name = [`${padded(number)}.ldb`, `${padded(number)}.sst`].find((one) => names.has(one));
    if (name === undefined) return `its file "db/${padded(number)}.ldb" is missing`;
    if (!(await isTable(path.join(folder, name), bytes))) return `its file "db/${name}" is not whole`;
  }
  if (manifest.logNumber > 0 && !names.has(`${padded(manifest.logNumber)}.log`)) {
    return `its file "db/${padded(manifest.logNumber)}.log" is missing`;
  }
  for (const name of names) {
    if (!name.endsWith('.log') || Number.parseInt(name, 10) < manifest.logNumber) continue;
    const offset = damageIn(await readFile(path.join(folder, name)));
    if (offset !== undefined) return `its file "db/${name}" cannot be read at byte ${offset}`;
  }
  return undefined;
}

function padded(number: number): string {
  return String(number).padStart(6, '0');
}

async function isTable(file: string, bytes: number): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    if (size !== bytes || size < 8) return false;
    const end = Buffer.alloc(8);
    await handle.read(end, 0, 8, size - 8);
    return end.readBigUInt64LE() === tableMagic;
  } finally {
    await handle.close();
  }
}
