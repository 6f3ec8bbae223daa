import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Client, errors, type Host, types } from 'cassandra-driver';
import { type Clock, pause } from '../../core/clock.ts';
import type { StoreLog } from './options.ts';

const folder = join(import.meta.dirname, 'schema');
/** The lock falls back to nobody when its holder dies. Longer than any file takes. */
const lockTtlS = 120;
const pollMs = 250;
/** A ring that does not agree within this time has a node that is away: its tables come to it when it is back. */
const agreeWithinMs = 30_000;
const options = {
  prepare: true,
  consistency: types.consistencies.localQuorum,
  serialConsistency: types.consistencies.localSerial,
};

/**
 * Brings the keyspace's tables to the version of this release: the numbered files of schema/ that were not applied yet, in
 * their order, by one node at a time under a lock row. A keyspace that a newer release has changed is left as it is: files
 * only ever add.
 */
export async function applySchema(client: Client, keyspace: string, clock: Clock, log: StoreLog): Promise<void> {
  const files = (await readdir(folder)).filter((name) => /^\d{3}-.*\.cql$/.test(name)).toSorted();
  const table = `${keyspace}.schema_versions`;
  // Another node may just have made the keyspace: not every node of the ring needs to know it yet.
  await agreed(client, keyspace, clock, log);
  // Nodes that start together may all create it; a table of one id is one table.
  await client.execute(
    `CREATE TABLE IF NOT EXISTS ${table} (name text, version int, holder text, PRIMARY KEY (name, version)) WITH id = ${tableId(table)}`,
  );
  await agreed(client, keyspace, clock, log);
  const missing = async (): Promise<string[]> => {
    const { rows } = await client.execute(`SELECT version FROM ${table} WHERE name = 'applied'`, [], options);
    const applied = new Set(rows.map((row) => row['version'] as number));
    return files.filter((file) => !applied.has(versionOf(file)));
  };
  const holder = randomUUID();
  while ((await missing()).length > 0) {
    const lock = await client.execute(
      `INSERT INTO ${table} (name, version, holder) VALUES ('lock', 0, ?) IF NOT EXISTS USING TTL ${lockTtlS}`,
      [holder],
      options,
    );
    if (!lock.wasApplied()) {
      await pause(clock, pollMs * (0.5 + clock.random()));
      continue;
    }
    try {
      for (const file of await missing()) {
        log.info({ file, keyspace }, 'applying a file of the schema');
        for (const statement of await statementsOf(file)) {
          await client.execute(statement.replace(/^(CREATE TABLE IF NOT EXISTS|ALTER TABLE) /, `$1 ${keyspace}.`));
        }
        const done = `INSERT INTO ${table} (name, version, holder) VALUES ('applied', ?, ?)`;
        await client.execute(done, [versionOf(file), holder], options);
      }
    } finally {
      const free = `DELETE FROM ${table} WHERE name = 'lock' AND version = 0 IF holder = ?`;
      await client.execute(free, [holder], options);
    }
  }
  await agreed(client, keyspace, clock, log);
}

/**
 * Waits until every node of the ring knows the same tables. The driver waits after what it changed itself, by what one node has heard of the
 * others; what another node of Parley changed just now is known to some of the ring before it is to all: each is asked itself.
 */
async function agreed(client: Client, keyspace: string, clock: Clock, log: StoreLog): Promise<void> {
  const untilMs = clock.monotonicMs() + agreeWithinMs;
  for (;;) {
    const up = client.hosts.values().filter((host) => host.isUp());
    const views = await Promise.all(up.map((host) => viewOf(client, keyspace, host).catch(() => 'away')));
    if (views[0] !== '' && new Set(views).size === 1) return;
    if (clock.monotonicMs() > untilMs) {
      log.warn({ keyspace }, 'the nodes of Cassandra do not agree on the tables: one of them may be away');
      return;
    }
    await pause(clock, pollMs);
  }
}

/**
 * The version and the tables of the schema that one node of the ring works by; empty: it does not know the keyspace. Its system tables do not say so:
 * they tell a change before the node takes statements that need it.
 */
async function viewOf(client: Client, keyspace: string, host: Host): Promise<string> {
  const local = await client.execute(`SELECT schema_version FROM system.local WHERE key = 'local'`, [], { host });
  const parts = await client.execute(`DESCRIBE KEYSPACE ${keyspace} WITH INTERNALS`, [], { host }).catch((error) => {
    if (error instanceof errors.ResponseError && error.code === types.responseErrorCodes.invalid) return { rows: [] };
    throw error;
  });
  if (parts.rows.length === 0) return '';
  return [local.rows[0], ...parts.rows].map((row) => row?.values().join(' ')).join('\n');
}

function versionOf(file: string): number {
  return Number(file.slice(0, 3));
}

/** Comments are whole lines; a statement ends in a semicolon at the end of a line. */
async function statementsOf(file: string): Promise<string[]> {
  const text = await readFile(join(folder, file), 'utf8');
  const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('--'));
  return lines
    .join('\n')
    .split(/;\s*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}

/** The same for the same name. */
function tableId(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
