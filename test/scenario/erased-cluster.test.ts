// What is erased on a cluster, by retention or with a user: no table of Cassandra holds what was said, nor what Paxos keeps of them, nor
// any key of Redis.
import path from 'node:path';
import { Client } from 'cassandra-driver';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cluster, startCluster } from '../../platform/cluster.ts';
import { tablesHolding } from '../support/cassandra-dump.ts';
import { newStanding } from '../support/cassandra.ts';
import { needs } from '../support/skip.ts';
import { unlimited } from '../support/unlimited.ts';
import { erasureOutlivesKills } from './erase-user.ts';
import { killedBeforeErasing, lastAcknowledgementErases } from './retention.ts';

const program = (name: string): string => path.resolve(import.meta.dirname, '../..', name);

needs(
  'redis',
  'cassandra',
  'openssl',
)('on a cluster', () => {
  let cluster: Cluster;
  let client: Client;
  let keyspace: string;
  beforeAll(async () => {
    const env = { ...unlimited, PARLEY_RETENTION_DEFAULT: 'until-delivered', PARLEY_DRAIN_NOTICE_S: '0' };
    const standing = newStanding();
    cluster = await startCluster({ standing, env, services: true });
    const { contactPoints, dataCenter } = standing;
    keyspace = standing.keyspace;
    client = new Client({
      contactPoints: [...contactPoints],
      localDataCenter: dataCenter,
      encoding: { useBigIntAsLong: true },
    });
  }, 240_000);
  afterAll(async () => {
    await client.shutdown();
    await cluster.stop();
  });

  async function startAll(main: string): Promise<void> {
    const { nodes } = cluster.platform;
    await Promise.all(nodes.map((node) => node.kill('SIGKILL')));
    await Promise.all(nodes.map((node) => node.start({}, main)));
  }

  /** Tables of Cassandra and keys of Redis. */
  async function holding(words: string): Promise<string[]> {
    const query = async (cql: string, params: readonly unknown[] = []) =>
      (await client.execute(cql, [...params], { prepare: true, fetchSize: 50_000 })).rows;
    const found = await tablesHolding(query, keyspace, words);
    let seen = 0;
    for (const master of cluster.redis.masters) {
      let cursor = '0';
      do {
        const [next, keys] = (await master.call('SCAN', cursor, 'COUNT', '1000')) as [string, string[]];
        cursor = next;
        seen += keys.length;
        for (const key of keys) if (await keyHolds(master, key, words)) found.push(`redis ${key}`);
      } while (cursor !== '0');
    }
    // Sessions and leases at least are there while nodes run.
    if (seen === 0 && cluster.platform.nodes.every((node) => node.isRunning)) throw new Error('Redis shows no keys');
    return found;
  }

  test('what every device has acknowledged is in no store, and a device that comes later is told so', async () => {
    const words = await lastAcknowledgementErases(cluster.platform, holding);
    expect(await holding(words)).toEqual([]);
  });

  test('what nodes owe that are killed between the last acknowledgement and the erasing is erased by those that come', async () => {
    const { nodes } = cluster.platform;
    await startAll(program('test/support/dies-at-erase.ts'));
    const words = await killedBeforeErasing(cluster.platform, holding, {
      dying: () => Promise.race(nodes.map((node) => node.child.ended)),
      restart: () => startAll(program('server/main.ts')),
    });
    expect(await holding(words)).toEqual([]);
  });

  test(
    'a user whose erasure is taken up by one node after the other, each killed, is in no store',
    { timeout: 120_000 },
    async () => {
      // Nobody else has a device: what retention would erase is held for them.
      const { hers, others } = await erasureOutlivesKills(cluster.platform, 1_500, 2);
      expect(await holding(hers)).toEqual([]);
      expect(await holding(others)).not.toEqual([]);
    },
  );
});

/** By its type's own reading, since a dump may be compressed. */
async function keyHolds(redis: Cluster['redis']['masters'][number], key: string, words: string): Promise<boolean> {
  const readings: Readonly<Record<string, readonly [command: string, ...args: string[]]>> = {
    string: ['GET', key],
    hash: ['HGETALL', key],
    list: ['LRANGE', key, '0', '-1'],
    set: ['SMEMBERS', key],
    zset: ['ZRANGE', key, '0', '-1'],
    stream: ['XRANGE', key, '-', '+'],
  };
  const type = String(await redis.call('TYPE', key));
  const reading = readings[type];
  if (reading === undefined) {
    // It expired since it was listed.
    if (type === 'none') return false;
    throw new Error(`a key of type ${type} is not read`);
  }
  return key.includes(words) || JSON.stringify(await redis.call(...reading)).includes(words);
}
