import type { ThreadId } from '../../core/ids.ts';
import { KeyedQueue } from '../../core/keyed-queue.ts';
import type { Due } from '../store.ts';
import { ByteReader, type ByteWriter } from './bytes.ts';
import type { Database, Put } from './database.ts';
import { dueOf, keys } from './keys.ts';
import type { Writer } from './writer.ts';

const version = 1;
const minuteMs = 60_000;
const duePerPage = 256;
const nothing = Buffer.alloc(0);

/** Which threads are to be looked at when, and up to where they have been. */
export class DueList {
  readonly #database: Database;
  readonly #writer: Writer;
  readonly #words: ByteWriter;
  readonly #raising = new KeyedQueue();

  constructor(database: Database, writer: Writer, words: ByteWriter) {
    this.#database = database;
    this.#writer = writer;
    this.#words = words;
  }

  put(thread: ThreadId, atMs: number): Promise<void> {
    return this.#write([{ key: keys.due(Math.ceil(atMs / minuteMs), thread), value: nothing }]);
  }

  async *list(untilMs: number, signal?: AbortSignal): AsyncGenerator<readonly Due[]> {
    const lt = keys.due(Math.floor(untilMs / minuteMs) + 1, '');
    for (let gt = 'B'; ;) {
      const page: Due[] = [];
      const take = (key: string): boolean => {
        page.push(dueOf(key));
        gt = key;
        return true;
      };
      await this.#database.scan({ gt, lt, limit: duePerPage }, take, signal);
      if (page.length > 0) yield page;
      if (page.length < duePerPage) return;
    }
  }

  async drop(due: readonly Due[]): Promise<void> {
    if (due.length === 0) return;
    await this.#write(due.map(({ minute, threadId }) => ({ key: keys.due(minute, threadId), value: undefined })));
  }

  async erasedTo(thread: ThreadId): Promise<bigint> {
    const bytes = await this.#database.get(keys.erasedTo(thread));
    return bytes === undefined ? 0n : BigInt(new ByteReader(bytes, version, 'a mark of what is erased').u48());
  }

  raiseErasedTo(thread: ThreadId, sequence: bigint): Promise<void> {
    return this.#raising.run(thread, async () => {
      if (sequence <= (await this.erasedTo(thread))) return;
      const value = this.#words.start(version).u48(Number(sequence)).take();
      await this.#write([{ key: keys.erasedTo(thread), value }]);
    });
  }

  async #write(puts: readonly Put[]): Promise<void> {
    if (this.#database.ready() !== undefined) await this.#database.ready();
    const commit = this.#writer.open;
    commit.puts.push(...puts);
    this.#writer.flush();
    await commit.durable();
  }
}
