// Groups that run one after the other. Two files at a time are as much as two cores take, save for those that wait more than
// they compute; what needs the machine for itself runs alone: a file under test/fault/, or one that is called x.alone.test.ts.
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/support/longest-first.ts';

const alone = ['test/fault/**/*.test.ts', 'test/**/*.alone.test.ts'];

/** What shares the Cassandra node of the run, each file in a keyspace of its own, or kills one of its own. */
const onCassandra = [
  'test/contract/*-cassandra*.test.ts',
  'test/fault/cassandra-*.test.ts',
  'test/fault/cluster-faults.test.ts',
  'test/scenario/*cluster*.test.ts',
  'test/conformance/conformance.test.ts',
];

/** What waits for leases, time limits and reconnections to pass most of its time. */
const waiting = [
  'test/contract/*redis*.test.ts',
  'test/scenario/redis-*.test.ts',
  'test/scenario/node-rpc.test.ts',
  'test/fault/node-paused.test.ts',
  'test/fault/drain.test.ts',
  'test/notify/soak.test.ts',
];

export default defineConfig({
  test: {
    pool: 'forks',
    allowOnly: false,
    retry: 0,
    teardownTimeout: 20_000,
    sequence: { sequencer: LongestFirst },
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
          exclude: [...alone, ...onCassandra, ...waiting, 'test/interop/go/**', 'test/interop/java/**'],
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
          name: 'waiting',
          include: waiting,
          // Of the tests of a file that say `concurrent`: each waits for times to pass.
          maxConcurrency: 8,
          maxWorkers: 3,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'alone',
          include: alone,
          exclude: [...waiting, ...onCassandra],
          maxWorkers: 1,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: 'cassandra',
          include: onCassandra,
          globalSetup: './test/support/cassandra-setup.ts',
          maxWorkers: 2,
          testTimeout: 120_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
