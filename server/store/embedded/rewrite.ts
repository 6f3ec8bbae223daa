import type { Entry } from '../../core/entry.ts';
import type { LogId } from '../../core/ids.ts';
import type { ByteWriter } from './bytes.ts';
import { encodeEntry } from './entry-codec.ts';
import { keys } from './keys.ts';
import type { Writer } from './writer.ts';

/** Puts entries in the place of those that are there. What they said is gone from the files after `compact`, as an erased body is. */
export async function rewrite(writer: Writer, words: ByteWriter, log: LogId, entries: readonly Entry[]): Promise<void> {
  if (entries.length === 0) return;
  const commit = writer.open;
  for (const entry of entries) {
    commit.puts.push({ key: keys.entry(log, Number(entry.sequence)), value: encodeEntry(words, entry) });
  }
  writer.flush();
  await commit.durable();
}
