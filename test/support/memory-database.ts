// The tables of a browser's database in the memory of a process that has none, for one test at a time.
import { Database } from '../../clients/web/storage/database.ts';
import type { Table } from '../../clients/web/storage/database.ts';
import type { ManualRuntime } from './manual-runtime.ts';

type Key = string | readonly [string, number | readonly []];
interface Range {
  readonly lower: Key;
  readonly upper: Key;
}

/** What `IDBKeyRange` is here: make it the global one. */
export const keyRange = { bound: (lower: Key, upper: Key): Range => ({ lower, upper }) };

export class MemoryDatabase extends Database {
  readonly rows = new Map<Table, Map<string, unknown>>();

  constructor(runtime: ManualRuntime) {
    super('memory', runtime, () => undefined);
  }

  override run<T>(
    _tables: readonly Table[],
    _mode: 'readonly' | 'readwrite',
    work: (table: (name: Table) => IDBObjectStore) => Promise<T>,
  ): Promise<T | undefined> {
    return work((name) => this.#store(name) as unknown as IDBObjectStore);
  }

  #store(name: Table): Record<string, (...args: never[]) => unknown> {
    const rows = this.rows.get(name) ?? new Map<string, unknown>();
    this.rows.set(name, rows);
    const within = (range?: Range): string[] => [...rows.keys()].filter((key) => isWithin(key, range)).toSorted(order);
    return {
      get: (key: Key) => answered(rows.get(JSON.stringify(key))),
      getAll: (range?: Range) => answered(within(range).map((key) => rows.get(key))),
      getAllKeys: (range?: Range, most?: number) =>
        answered(
          within(range)
            .slice(0, most)
            .map((key) => JSON.parse(key) as Key),
        ),
      count: (range?: Range) => answered(within(range).length),
      put: (value: unknown, key: Key) => answered(rows.set(JSON.stringify(key), value)),
      delete: (which: Key | Range) => {
        const keys = typeof which === 'object' && 'lower' in which ? within(which) : [JSON.stringify(which)];
        for (const key of keys) rows.delete(key);
        return answered(undefined);
      },
      clear: () => answered(rows.clear()),
    };
  }
}

/** Threads are few here and have less than a range's end: a thread's range is all that begins with its id. */
function isWithin(key: string, range: Range | undefined): boolean {
  if (Array.isArray(range)) return key === JSON.stringify(range);
  return range === undefined || (JSON.parse(key) as Key)[0] === range.lower[0];
}

function order(a: string, b: string): number {
  const [left, right] = [JSON.parse(a) as Key, JSON.parse(b) as Key];
  return Number(left[1]) - Number(right[1]);
}

/** A request that succeeds as soon as nobody can miss it. */
function answered(result: unknown): EventTarget & { result: unknown } {
  const request = Object.assign(new EventTarget(), { result });
  queueMicrotask(() => request.dispatchEvent(new Event('success')));
  return request;
}
