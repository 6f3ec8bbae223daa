// Everything that a keyspace holds, as CQL gives it, and what Paxos keeps of its partitions.
import type { TestKeyspace } from './cassandra.ts';

/** Names of the tables in which some words stand. */
export async function tablesHolding(keyspace: TestKeyspace, words: string): Promise<string[]> {
  const name = keyspace.options.keyspace;
  const tables = await keyspace.query('SELECT table_name, id FROM system_schema.tables WHERE keyspace_name = ?', [
    name,
  ]);
  const found: string[] = [];
  for (const { table_name: table } of tables) {
    if ((await keyspace.query(`SELECT * FROM ${name}.${table as string}`)).some((row) => holds(row, words)))
      found.push(table as string);
  }
  const ids = new Set(tables.map(({ id }) => String(id)));
  const paxos = (await keyspace.query('SELECT * FROM system.paxos')).filter((row) => ids.has(String(row['cf_id'])));
  if (paxos.length === 0) throw new Error('Paxos has kept nothing of these tables: it stands elsewhere');
  if (paxos.some((row) => holds(row, words))) found.push('system.paxos');
  return found;
}

function holds(row: Readonly<Record<string, unknown>>, words: string): boolean {
  return Object.values(row).some((value) => {
    if (Buffer.isBuffer(value)) return value.includes(words);
    return typeof value === 'string' && value.includes(words);
  });
}
