// Cassandra killed and paused under appends of several nodes: what was acknowledged is there once, and the store says
// when it takes no appends, and takes them again by itself.
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cassandra, startCassandra } from '../../platform/cassandra.ts';
import { until } from '../../platform/wait.ts';
import { systemClock } from '../../server/core/clock.ts';
import { openCassandraStore } from '../../server/store/cassandra/store.ts';
import type { Store } from '../../server/store/store.ts';
import { AppendStorm } from '../support/append-storm.ts';
import { needs } from '../support/skip.ts';

needs('cassandra')('Cassandra that goes away under load', () => {
  let cassandra: Cassandra;
  let stores: Store[];
  beforeAll(async () => {
    cassandra = await startCassandra({ isShortLived: true });
    const { contactPoints, dataCenter: localDataCenter } = cassandra;
    const open = (): Promise<Store> => openCassandraStore({ contactPoints, localDataCenter, clock: systemClock });
    stores = await Promise.all([open(), open()]);
  }, 120_000);
  afterAll(async () => {
    await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
    await cassandra.stop();
  });

  const node = (): Cassandra['nodes'][number] => cassandra.nodes[0]!;
  const moreThan = (storm: AppendStorm, count: number): Promise<true> =>
    until(() => storm.acknowledged > count || undefined, { what: `${count} acknowledged`, withinMs: 60_000 });

  test('loses nothing that was acknowledged when it is killed, and doubles nothing', async () => {
    const storm = new AppendStorm(stores);
    await moreThan(storm, 100);
    await node().kill();
    for (const store of stores) {
      await until(() => !store.health().writable || undefined, { what: 'the store to say so', withinMs: 30_000 });
    }
    await node().start();
    for (const store of stores) {
      await until(() => store.health().writable || undefined, { what: 'the store to recover', withinMs: 60_000 });
    }
    await moreThan(storm, storm.acknowledged + 100);
    await storm.end();
    expect(storm.unavailable).toBeGreaterThan(0);
    expect(await storm.judge()).toEqual([]);
  }, 300_000);

  test('loses and doubles nothing when it is paused for longer than anybody waits', async () => {
    const storm = new AppendStorm(stores);
    await moreThan(storm, 100);
    node().signal('SIGSTOP');
    // The fault itself takes this long; nothing is waited for.
    await delay(8_000);
    const during = storm.acknowledged;
    node().signal('SIGCONT');
    await moreThan(storm, during + 100);
    await storm.end();
    expect(await storm.judge()).toEqual([]);
  }, 120_000);
});
