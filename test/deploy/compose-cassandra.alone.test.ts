import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { prepareCassandra } from '../../platform/cassandra/settings.ts';
import { startChild } from '../../platform/child.ts';
import { locateCassandra } from '../../platform/install/cassandra.mjs';
import { freePort } from '../../platform/ports.ts';
import { until } from '../../platform/wait.ts';
import { coldLimitMs } from '../interop/toolchain.ts';
import { needs } from '../support/skip.ts';
import { loadCompose } from './support/tools.ts';

needs(
  'go',
  'java',
  'cassandra',
)('Cassandra in compose', () => {
  test('syncs its commit log before it answers, whatever cassandra.yaml says', { timeout: coldLimitMs }, async () => {
    const found = locateCassandra();
    if (found === undefined) throw new Error('Cassandra is not installed. Run: node platform/install.mjs --test');
    const given = { PARLEY_JWKS: 'https://id.example', PARLEY_JWT_ISSUER: 'x', PARLEY_JWT_AUDIENCE: 'x' };
    const { services } = await loadCompose(['compose.yaml'], given);
    const options = services['cassandra']?.environment['JVM_EXTRA_OPTS']?.split(' ') ?? [];
    const folder = await mkdtemp(path.join(tmpdir(), 'parley-cassandra-settings-'));
    const args = await prepareCassandra(found.lib, found.jamm, {
      folder,
      clusterName: 'parley',
      address: '127.0.0.1',
      port: await freePort(),
      storagePort: await freePort(),
      jmxPort: await freePort(),
      seeds: ['127.0.0.1'],
      isRing: false,
      isShortLived: true,
      heapMb: 512,
      // As in the image's own file.
      commitLog: 'periodic',
      password: false,
    });
    let configuration = '';
    let serves = false;
    const onLine = (line: string): void => {
      if (line.includes('Node configuration:')) configuration = line;
      if (line.includes('Starting listening for CQL clients')) serves = true;
    };
    const env = { PATH: process.env['PATH'] };
    const command = { name: 'Cassandra', command: found.java, args: [...options, ...args], cwd: folder, env, onLine };
    const child = await startChild(command);
    try {
      const isUp = (): true | undefined => {
        if (child.ending !== undefined) throw new Error(child.tail().join('\n'));
        return serves || undefined;
      };
      await until(isUp, { what: 'Cassandra to start', withinMs: 300_000 });
      for (const setting of ['commitlog_sync=group', 'commitlog_sync_group_window=2ms', 'paxos_variant=v2']) {
        expect(configuration).toContain(setting);
      }
    } finally {
      await child.end('SIGKILL', 0);
      await rm(folder, { recursive: true });
    }
  });
});
