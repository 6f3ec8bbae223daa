// Passwords, TLS and what a Redis must be, before a node relies on it.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../server/core/clock.ts';
import type { RedisSettings } from '../../server/redis/settings.ts';
import { Shards } from '../../server/redis/shards.ts';
import { until } from '../../platform/wait.ts';
import { freePort } from '../../platform/ports.ts';
import { writeCertificate } from '../gateway/support/certificate.ts';
import { oneRedis } from '../support/redis.ts';
import { needs } from '../support/skip.ts';

class Reached implements Disposable {
  readonly problems: string[] = [];
  readonly shards: Shards;

  constructor(settings: RedisSettings) {
    const onProblem = (problem: Error): void => void this.problems.push(String(problem.cause));
    this.shards = new Shards({ settings, clock: systemClock, name: 'parley-test', onProblem });
  }

  untilProblem(text: string): Promise<true> {
    const has = (): true | undefined => this.problems.some((problem) => problem.includes(text)) || undefined;
    return until(has, { what: `a problem with "${text}"`, withinMs: 10_000 });
  }

  [Symbol.dispose](): void {
    this.shards[Symbol.dispose]();
  }
}

needs('redis')('access to Redis', () => {
  test('a password is given, a wrong one is reported, and once it is right all is well', async () => {
    await using redis = await oneRedis({ requirepass: 'secret' });
    using right = new Reached({ ...redis.settings, password: 'secret' });
    await right.shards.ready();
    expect(await right.shards.call('k', 'SET', ['k', 'v'])).toBe('OK');
    using wrong = new Reached({ ...redis.settings, password: 'guess' });
    await wrong.untilProblem('WRONGPASS');
    using none = new Reached(redis.settings);
    await none.untilProblem('NOAUTH');
    await redis.servers[0]?.call('CONFIG', 'SET', 'requirepass', 'guess');
    await wrong.shards.ready();
  });

  test('a user other than the default one may be named', async () => {
    await using redis = await oneRedis();
    await redis.servers[0]?.call('ACL', 'SETUSER', 'parley', 'on', '>pw', '~*', '&*', '+@all');
    using named = new Reached({ ...redis.settings, username: 'parley', password: 'pw' });
    await named.shards.ready();
    expect(await named.shards.call('k', 'ACL', ['WHOAMI'])).toBe('parley');
  });

  needs('openssl')('over TLS', () => {
    test('the certificate is checked against the authority that was named, and no other', async () => {
      const folder = await mkdtemp(path.join(tmpdir(), 'parley-redis-tls-'));
      try {
        const { cert, key } = writeCertificate(folder, 'redis', 'localhost');
        const tlsPort = String(await freePort());
        await using redis = await oneRedis({
          'tls-port': tlsPort,
          'tls-cert-file': cert,
          'tls-key-file': key,
          'tls-auth-clients': 'no',
        });
        const nodes = [{ host: '127.0.0.1', port: Number(tlsPort) }];
        const ca = await readFile(cert, 'utf8');
        using trusted = new Reached({ nodes, cluster: false, tls: { ca, servername: 'localhost' } });
        await trusted.shards.ready();
        using stranger = new Reached({ nodes, cluster: false, tls: { servername: 'localhost' } });
        await stranger.untilProblem('self-signed');
        using misnamed = new Reached({ nodes, cluster: false, tls: { ca, servername: 'elsewhere' } });
        await misnamed.untilProblem('altnames');
        expect(redis.servers).toHaveLength(1);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  });

  test('a Redis that may evict is refused with words, and taken once that was changed', async () => {
    await using redis = await oneRedis({ 'maxmemory-policy': 'allkeys-lru' });
    const [server] = redis.servers;
    using reached = new Reached(redis.settings);
    await expect(reached.shards.ready()).rejects.toThrow(
      `Redis at 127.0.0.1:${server?.port} has maxmemory-policy allkeys-lru; set it to noeviction`,
    );
    await server?.call('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await until(() => reached.shards.up || undefined, { what: 'Redis to be taken', withinMs: 10_000 });
  });
});
