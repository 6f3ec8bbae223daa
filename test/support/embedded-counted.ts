// An embedded store that counts what it reads of its database.
import type { Clock } from '../../server/core/clock.ts';
import { Database } from '../../server/store/embedded/database.ts';
import { EmbeddedStore } from '../../server/store/embedded/embedded-store.ts';
import { Folder } from '../../server/store/embedded/folder.ts';
import { openEmbeddedStore } from '../../server/store/embedded/store.ts';
import type { Store } from '../../server/store/store.ts';

export interface Reads {
  /** Calls of the database. */
  reads: number;
  /** Rows that came. */
  rows: number;
  /** Of their keys and values. */
  bytes: number;
}

export interface CountedEmbeddedStore extends AsyncDisposable {
  readonly store: Store;
  /** What is read while `work` goes on. */
  during(work: () => Promise<unknown>): Promise<Reads>;
}

export async function openCountedEmbeddedStore(root: string, clock: Clock): Promise<CountedEmbeddedStore> {
  // Makes it, and finds its epoch.
  const made = await openEmbeddedStore({ folder: root, clock });
  const { epoch } = made;
  await made[Symbol.asyncDispose]();
  const folder = new Folder(root);
  const database = await Database.open(folder.database, false);
  let sum: Reads = { reads: 0, rows: 0, bytes: 0 };
  const count = (rows: readonly (readonly [key: string, value: Buffer | undefined])[]): void => {
    sum.reads += 1;
    for (const [key, value] of rows) {
      sum.rows += 1;
      sum.bytes += key.length + (value?.length ?? 0);
    }
  };
  const getNow = database.getNow.bind(database);
  database.getNow = (key) => {
    const value = getNow(key);
    count(value === undefined ? [] : [[key, value]]);
    return value;
  };
  const getMany = database.getMany.bind(database);
  database.getMany = async (keys) => {
    const values = await getMany(keys);
    count(keys.flatMap((key, at) => (values[at] === undefined ? [] : [[key, values[at]] as const])));
    return values;
  };
  const keysOf = database.keys.bind(database);
  database.keys = async (range) => {
    const keys = await keysOf(range);
    count(keys.map((key) => [key, undefined] as const));
    return keys;
  };
  const scan = database.scan.bind(database);
  database.scan = async (range, take, signal) => {
    const rows: [string, Buffer][] = [];
    await scan(
      range,
      (key, value) => {
        rows.push([key, value]);
        return take(key, value);
      },
      signal,
    );
    count(rows);
  };
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const store = new EmbeddedStore({ folder, database, epoch, clock, log, sync: true });
  return {
    store,
    async during(work) {
      const during = { reads: 0, rows: 0, bytes: 0 };
      sum = during;
      await work();
      sum = { reads: 0, rows: 0, bytes: 0 };
      return during;
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
