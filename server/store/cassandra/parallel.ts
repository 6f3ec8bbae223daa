import { chunksOf } from '../../core/chunks.ts';
import type { Cluster, Statement } from './cluster.ts';

/** Calls `work` for each item, `limit` at a time, and gives the results in order. The first failure ends it. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  limit: number,
  work: (item: Item, at: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  let failed = false;
  const run = async (): Promise<void> => {
    while (next < items.length && !failed) {
      const at = next++;
      try {
        results[at] = await work(items[at] as Item, at);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const runs = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, run));
  const failure = runs.find((one) => one.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return results;
}

/** Statements that go in one request: Cassandra warns above ten partitions in one. */
const mostTogether = 10;
const requestsAtOnce = 64;

/**
 * Makes writes that may be applied again without harm, in requests of several: what a request costs, on both sides, is more than what most of
 * its statements do. Each is applied or not by itself. The first failure ends it.
 */
export async function writeAll(cluster: Cluster, statements: readonly Statement[]): Promise<void> {
  await inParallel(chunksOf(statements, mostTogether), requestsAtOnce, (together) => {
    const [only] = together;
    if (together.length > 1 || only === undefined) return cluster.writeTogether(together);
    return cluster.write(only.query, only.params);
  });
}
