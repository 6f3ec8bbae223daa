import { BackupError } from '../backup.ts';
import { type Cluster, UnknownOutcome } from './cluster.ts';
import { unavailable } from './failures.ts';
import { StoreSetupError } from './options.ts';

const read = 'SELECT value FROM deployment WHERE name = ?';
const write = 'INSERT INTO deployment (name, value) VALUES (?, ?) IF NOT EXISTS';
const remove = 'DELETE FROM deployment WHERE name = ? IF EXISTS';
const maxTries = 8;
/** Names of what is no secret. */
const epochName = 'epoch';
/** There while a restore is under way, and when one was broken off. */
const restoringName = 'restoring';
/** There once what a deployment of before had of positions stands with the users too. */
export const usersFilled = 'user_positions';
/** There when the deployment was made by a restore: what heads authors knew may be of a life before. */
const restoredName = 'restored';

/** A value of the deployment, made by `make` if there is none. Of several that make it at once, all get the first. */
export async function valueOf(cluster: Cluster, name: string, make: () => Uint8Array): Promise<Uint8Array> {
  const [known] = await cluster.read(read, [name]);
  if (known !== undefined) return bytesOf(known['value']);
  const made = Buffer.from(make());
  let cause: unknown;
  for (let tries = 0; tries < maxTries; tries++) {
    try {
      const verdict = await cluster.conditional([{ query: write, params: [name, made] }]);
      if (verdict.applied) return Uint8Array.from(made);
      return bytesOf(verdict.rows[0]?.['value']);
    } catch (error) {
      if (!(error instanceof UnknownOutcome)) throw error;
      // It may have been applied: then the next try is refused, and gives the value that holds.
      cause = error;
    }
  }
  throw unavailable(cause);
}

function bytesOf(value: unknown): Uint8Array {
  return Uint8Array.from(value as Buffer);
}

/** The epoch of all logs; made by the first node. */
export async function makeEpoch(cluster: Cluster, nowMs: number): Promise<bigint> {
  return Buffer.from(await valueOf(cluster, epochName, () => epochBytes(BigInt(Math.floor(nowMs))))).readBigUInt64BE();
}

/** Undefined when no node has made it yet. */
export async function epochOf(cluster: Cluster): Promise<bigint | undefined> {
  const [known] = await cluster.read(read, [epochName]);
  return known === undefined ? undefined : (known['value'] as Buffer).readBigUInt64BE();
}

export function isRestored(cluster: Cluster): Promise<boolean> {
  return isThere(cluster, restoredName);
}

async function isThere(cluster: Cluster, name: string): Promise<boolean> {
  return (await cluster.read(read, [name])).length > 0;
}

/** Does something once in a deployment's life, before anything else. Of nodes that start together several may do it. */
export async function once(cluster: Cluster, name: string, act: () => Promise<void>): Promise<void> {
  if (await isThere(cluster, name)) return;
  await act();
  await valueOf(cluster, name, () => Buffer.of(1));
}

/** @throws StoreSetupError while a restore is under way, or when one was broken off */
export async function refuseUnfinished(cluster: Cluster, keyspace: string): Promise<void> {
  if (!(await isThere(cluster, restoringName))) return;
  throw new StoreSetupError(
    `a restore into the keyspace ${keyspace} is under way, or was broken off: wait until it has ended, or ` +
      `DROP KEYSPACE ${keyspace} and restore again`,
  );
}

/** From now on no node opens the keyspace. @throws BackupError when one has */
export async function beginRestore(cluster: Cluster, keyspace: string): Promise<void> {
  const verdict = await cluster.conditional([{ query: write, params: [restoringName, Buffer.of(1)] }]);
  if (!verdict.applied) throw new BackupError(`another restore into the keyspace ${keyspace} is under way`);
  if ((await epochOf(cluster)) !== undefined) throw new BackupError(startedMeanwhile(keyspace));
}

/** Makes it a deployment of this epoch. @throws BackupError when a node has made it one meanwhile */
export async function endRestore(cluster: Cluster, keyspace: string, epoch: bigint): Promise<void> {
  const made = epochBytes(epoch);
  if (!Buffer.from(await valueOf(cluster, epochName, () => made)).equals(made)) {
    throw new BackupError(startedMeanwhile(keyspace));
  }
  await valueOf(cluster, restoredName, () => Buffer.of(1));
  await valueOf(cluster, usersFilled, () => Buffer.of(1));
  await cluster.conditional([{ query: remove, params: [restoringName] }]);
}

function startedMeanwhile(keyspace: string): string {
  return `a node was started on the keyspace ${keyspace} meanwhile: stop it`;
}

/** Wall ms, or what a restore has raised it to. */
function epochBytes(epoch: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(epoch);
  return bytes;
}
