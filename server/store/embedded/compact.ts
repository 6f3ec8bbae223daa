import type { Database } from './database.ts';
import { endOf } from './keys.ts';
import type { Writer } from './writer.ts';

const first = '\0';
const last = '\x7f';

/**
 * Rewrites every file without what was overwritten. LevelDB may put what it flushes from memory two levels down, old values
 * included, and compacts no lowest level by itself; so it runs twice, and a key at either end of the key space makes the
 * second flush overlap, and so rewrite, all that the first one wrote.
 */
export async function compact(database: Database, writer: Writer): Promise<void> {
  for (let round = 0; round <= 2; round++) {
    const commit = writer.open;
    commit.puts.push({ key: first, value: Buffer.alloc(0) }, { key: last, value: Buffer.alloc(0) });
    writer.flush();
    await commit.durable();
    // A compaction that failed says nothing; the write after it does.
    if (round < 2) await database.compactRange(first, endOf(last));
  }
}
