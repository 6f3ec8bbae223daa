// Groups that run one after the other, so that what measures or breaks things has the machine's two cores for itself.
// A file runs alone when it is under test/fault/ or is called x.alone.test.ts; those on Cassandra run last.
import { defineConfig } from 'vitest/config';

const alone = ['test/fault/**/*.test.ts', 'test/**/*.alone.test.ts'];

/** Files whose names say `-cassandra` share one Cassandra node, which runs only while they do. */
const onCassandra = [
  'test/contract/*-cassandra*.test.ts',
  'test/fault/cassandra-*.test.ts',
  'test/fault/cluster-faults.test.ts',
];

/** What stands on a real Redis. */
const onRedis = [
  'test/contract/*redis*.test.ts',
  'test/scenario/redis-nodes*.test.ts',
  'test/scenario/node-rpc.test.ts',
];

export default defineConfig({
  test: {
    pool: 'forks',
    allowOnly: false,
    retry: 0,
    teardownTimeout: 20_000,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['server/**/*.test.ts', 'clients/**/*.test.ts', 'platform/**/*.test.ts', 'gateway/**/*.test.ts'],
          maxWorkers: 2,
          testTimeout: 10_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'process',
          include: ['test/**/*.test.ts'],
          exclude: [...alone, ...onCassandra, ...onRedis, 'test/interop/go/**', 'test/interop/java/**'],
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Not how soon something is there is tested, but that it comes: two files at a time are busy.
          expect: { poll: { timeout: 10_000 } },
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'alone',
          include: alone,
          exclude: [...onRedis, ...onCassandra],
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'redis',
          include: onRedis,
          // Tests of a file that say `concurrent` wait for times to pass: all of them at once.
          maxConcurrency: 16,
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'cassandra',
          include: onCassandra,
          globalSetup: './test/support/cassandra-setup.ts',
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
