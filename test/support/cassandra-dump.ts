// Everything that a keyspace holds, as CQL gives it, and what Paxos keeps of its partitions.

const most = 50_000;

/** Asks Cassandra itself; up to 50,000 rows. */
type Query = (cql: string, params?: readonly unknown[]) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** Names of the tables in which some words stand. */
export async function tablesHolding(query: Query, keyspace: string, words: string): Promise<string[]> {
  const tables = await query('SELECT table_name, id FROM system_schema.tables WHERE keyspace_name = ?', [keyspace]);
  const found: string[] = [];
  for (const { table_name: table } of tables) {
    const rows = await query(`SELECT * FROM ${keyspace}.${table as string}`);
    if (rows.some((row) => holds(row, words))) found.push(table as string);
  }
  const ids = new Set(tables.map(({ id }) => String(id)));
  const all = await query('SELECT * FROM system.paxos');
  if (all.length >= most) throw new Error('Paxos keeps more rows than are looked at');
  const paxos = all.filter((row) => ids.has(String(row['cf_id'])));
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
