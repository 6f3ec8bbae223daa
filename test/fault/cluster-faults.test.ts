// A minute of a fault run: a whole cluster, people who talk, a node, a Redis master and Cassandra killed meanwhile. The long runs
// are `npm run faults`.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { faults } from '../faults/faults.ts';
import { runFaults } from '../faults/run.ts';
import { needs } from '../support/skip.ts';

const names = ['node-kill', 'redis-master-kill', 'cassandra-kill'];

needs('redis', 'cassandra')('a cluster whose parts are killed', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'parley-faults-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('loses, doubles, moves and alters nothing, and says in the end who is there', { timeout: 600_000 }, async () => {
    const said: string[] = [];
    const run = await runFaults({
      seed: 5,
      minutes: 0.5,
      eachOnce: true,
      faults: faults.filter(({ name }) => names.includes(name)),
      folder,
      users: 16,
      rate: 60,
      calmS: 6,
      pace: 0.4,
      say: (line) => said.push(line),
    });
    expect(run.tally.findings, said.join('\n')).toEqual([]);
    expect([...new Set(run.injected.flatMap(({ names: injected }) => injected))].toSorted()).toEqual(names.toSorted());
    expect(run.acknowledged).toBeGreaterThan(500);
  });
});
