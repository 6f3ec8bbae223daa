import { beforeAll, expect, test } from 'vitest';
import type { Head } from '../../server/core/entry.ts';
import { append, message, newLog, textOf } from './samples.ts';
import type { UnderTest } from './store.ts';

export function ranges({ store }: UnderTest): void {
  const log = newLog();
  const count = 300;
  let head: Head;
  beforeAll(async () => {
    const first = await append(
      store(),
      log,
      undefined,
      Array.from({ length: 150 }, (_, at) => message(`n${at + 1}`)),
    );
    const second = await append(
      store(),
      log,
      first.head,
      Array.from({ length: 150 }, (_, at) => message(`n${at + 151}`)),
    );
    head = second.head;
  });
  const sequences = async (range: Parameters<ReturnType<typeof store>['entries']>[1]): Promise<number[]> =>
    (await store().entries(log, range)).map((entry) => Number(entry.sequence));
  const from = (first: number, last: number): number[] =>
    Array.from({ length: last - first + 1 }, (_, at) => first + at);

  test('a range begins above `after` and ends with `upTo`', async () => {
    expect(await sequences({ after: 10n, upTo: 13n, limit: 100 })).toEqual([11, 12, 13]);
    expect(await sequences({ after: 10n, upTo: 200n, limit: 1_000 })).toEqual(from(11, 200));
    expect(await sequences({ after: 0n, upTo: head.sequence, limit: 1_000 })).toEqual(from(1, count));
  });

  test('a range past the head ends at the head', async () => {
    expect(await sequences({ after: 298n, upTo: 1n << 60n, limit: 100 })).toEqual([299, 300]);
    expect(await sequences({ after: 300n, upTo: 1n << 60n, limit: 100 })).toEqual([]);
    expect(await sequences({ after: 1n << 60n, upTo: 1n << 61n, limit: 100 })).toEqual([]);
  });

  test('an empty range gives nothing', async () => {
    expect(await sequences({ after: 20n, upTo: 20n, limit: 100 })).toEqual([]);
    expect(await sequences({ after: 20n, upTo: 10n, limit: 100 })).toEqual([]);
  });

  test('the limit keeps the lowest entries', async () => {
    expect(await sequences({ after: 10n, upTo: 300n, limit: 3 })).toEqual([11, 12, 13]);
    expect(await sequences({ after: 10n, upTo: 300n, limit: 100 })).toEqual(from(11, 110));
  });

  test('from the end, the limit keeps the highest entries, still in ascending order', async () => {
    expect(await sequences({ after: 0n, upTo: 300n, limit: 3, fromEnd: true })).toEqual([298, 299, 300]);
    expect(await sequences({ after: 0n, upTo: 1n << 60n, limit: 100, fromEnd: true })).toEqual(from(201, 300));
    expect(await sequences({ after: 40n, upTo: 50n, limit: 100, fromEnd: true })).toEqual(from(41, 50));
  });

  test('the bound on bytes stops before it is passed, but gives one entry', async () => {
    const some = await sequences({ after: 0n, upTo: 300n, limit: 1_000, maxBytes: 5_000 });
    expect(some.length).toBeGreaterThan(5);
    expect(some.length).toBeLessThan(50);
    expect(some).toEqual(from(1, some.length));
    expect(await sequences({ after: 7n, upTo: 300n, limit: 1_000, maxBytes: 1 })).toEqual([8]);
    expect(await sequences({ after: 7n, upTo: 9n, limit: 1_000, maxBytes: 1 })).toEqual([8]);
  });

  test('from the end, the bound on bytes keeps the highest entries', async () => {
    const some = await sequences({ after: 0n, upTo: 300n, limit: 1_000, maxBytes: 5_000, fromEnd: true });
    expect(some.length).toBeGreaterThan(5);
    expect(some).toEqual(from(count - some.length + 1, count));
    expect(await sequences({ after: 0n, upTo: 300n, limit: 9, maxBytes: 1, fromEnd: true })).toEqual([300]);
  });

  test('a range that names no bound on bytes is cut at 1 MiB', async () => {
    const large = newLog();
    let at: Head | undefined;
    for (let round = 0; round < 8; round++) {
      const given = Array.from({ length: 4 }, () => message('x'.repeat(60_000)));
      ({ head: at } = await append(store(), large, at, given));
    }
    const found = await store().entries(large, { after: 0n, upTo: 100n, limit: 1_000 });
    expect(found).toHaveLength(Math.floor((1024 * 1024) / 60_000));
    expect(found.map(textOf)).toEqual(found.map(() => 'x'.repeat(60_000)));
  });
}
