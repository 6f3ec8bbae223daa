// Opening a store on Cassandra: the keyspace, its tables, and what is refused with words.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Client } from 'cassandra-driver';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Cassandra, startCassandra } from '../../platform/cassandra.ts';
import { freePort } from '../../platform/ports.ts';
import { openKeyspace } from '../../server/store/cassandra/keyspace.ts';
import type { CassandraStoreOptions } from '../../server/store/cassandra/options.ts';
import { openCassandraStore } from '../../server/store/cassandra/store.ts';
import { newKeyspace } from '../support/cassandra.ts';
import { needs } from '../support/skip.ts';
import { append, message, newLog } from './samples.ts';

needs('cassandra')('opening a store on Cassandra', () => {
  test('makes the keyspace and its tables once, when many nodes start together', async () => {
    const applied: unknown[] = [];
    const log = { info: (fields: object) => void applied.push(fields), warn: () => {}, error: () => {} };
    await using keyspace = newKeyspace({ log });
    const stores = await Promise.all([keyspace.open(), keyspace.open(), keyspace.open(), keyspace.open()]);
    const thread = newLog();
    const { head } = await append(stores[0]!, thread, undefined, [message('hello')]);
    for (const store of stores) expect(await store.head(thread)).toEqual(head);
    await Promise.all(stores.map((store) => store[Symbol.asyncDispose]()));
    const versions = await keyspace.query("SELECT version FROM schema_versions WHERE name = 'applied'");
    expect(applied).toHaveLength(versions.length);
    const [lock] = await keyspace.query("SELECT holder FROM schema_versions WHERE name = 'lock'");
    expect(lock).toBeUndefined();
  });

  test('tells the operator of a commit log that forgets when it is killed', async () => {
    const warnings: object[] = [];
    const log = { info: () => {}, warn: (fields: object) => void warnings.push(fields), error: () => {} };
    await using keyspace = newKeyspace({ log });
    const store = await keyspace.open();
    await store[Symbol.asyncDispose]();
    const [setting] = await keyspace.query("SELECT value FROM system_views.settings WHERE name = 'commitlog_sync'");
    expect(warnings).toEqual(setting?.['value'] === 'periodic' ? [{ commitlogSync: 'periodic' }] : []);
  });

  test('leaves a keyspace as it is that was made before, with what is in it', async () => {
    await using keyspace = newKeyspace();
    const thread = newLog();
    const first = await keyspace.open();
    const { head } = await append(first, thread, undefined, [message('hello')]);
    await first[Symbol.asyncDispose]();
    const second = await keyspace.open({ replicationFactor: 3 });
    expect(await second.head(thread)).toEqual(head);
    await second[Symbol.asyncDispose]();
    const name = keyspace.options.keyspace;
    const [row] = await keyspace.query('SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?', [
      name,
    ]);
    expect(row?.['replication']).toMatchObject({ [keyspace.options.localDataCenter]: '1' });
  });

  test('says that a data centre does not exist', async () => {
    const { options } = newKeyspace({ localDataCenter: 'atlantis' });
    await expect(openCassandraStore(options)).rejects.toMatchObject({
      name: 'StoreSetupError',
      message: expect.stringContaining('atlantis'),
    });
  });

  test('refuses names that are none of a keyspace', async () => {
    const { options } = newKeyspace({ keyspace: 'x; DROP KEYSPACE y' });
    await expect(openCassandraStore(options)).rejects.toMatchObject({ name: 'StoreSetupError' });
  });

  test('says that the store is unavailable while nobody listens', async () => {
    const { options } = newKeyspace({ contactPoints: [`127.0.0.1:${await freePort()}`] });
    await expect(openCassandraStore(options)).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  });

  test('refuses what comes after it was closed', async () => {
    await using keyspace = newKeyspace();
    const store = await keyspace.open();
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    const refused = { reason: 'STORE_UNAVAILABLE', message: 'the store is closed' };
    await expect(store.head(newLog())).rejects.toMatchObject(refused);
    expect(store.health()).toEqual({ writable: false, why: 'the store is closed' });
  });

  test('asks for the home of all appends when the keyspace spans data centres', async () => {
    const replication = { class: 'org.apache.cassandra.locator.NetworkTopologyStrategy', east: '3', west: '3' };
    // What a cluster of two data centres says, which is more than this machine can run.
    const client = { execute: async () => ({ rows: [{ replication }] }), hosts: { values: () => [] } };
    const open = (more: Partial<CassandraStoreOptions>): Promise<void> =>
      openKeyspace(client as unknown as Client, 'parley', {
        ...newKeyspace().options,
        localDataCenter: 'east',
        ...more,
      });
    await expect(open({})).rejects.toThrow(/east, west/);
    await expect(open({ homeDataCenter: 'west' })).rejects.toThrow(/home data centre is west/);
    await expect(open({ homeDataCenter: 'east' })).resolves.toBeUndefined();
    await expect(open({ consistency: 'quorum' })).resolves.toBeUndefined();
  });
});

needs('cassandra')('a Cassandra that asks for TLS and a password', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'parley-cassandra-tls-'));
  const at = (name: string): string => path.join(folder, name);
  let cassandra: Cassandra;
  let options: CassandraStoreOptions;
  beforeAll(async () => {
    const openssl = (...args: string[]): Buffer => execFileSync('openssl', args, { stdio: 'pipe' });
    openssl(
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
      ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', at('key.pem'), '-out', at('cert.pem')],
    );
    openssl(
      ...['pkcs12', '-export', '-in', at('cert.pem'), '-inkey', at('key.pem')],
      ...['-out', at('keystore.p12'), '-passout', 'pass:secret'],
    );
    cassandra = await startCassandra({
      tls: { keystore: at('keystore.p12'), password: 'secret' },
      password: true,
      commitLog: 'periodic',
      isShortLived: true,
    });
    options = {
      ...newKeyspace().options,
      contactPoints: cassandra.contactPoints,
      localDataCenter: cassandra.dataCenter,
      credentials: { username: 'cassandra', password: 'cassandra' },
      tls: { ca: readFileSync(at('cert.pem'), 'utf8') },
    };
  }, 120_000);
  afterAll(async () => {
    await cassandra.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('takes the store that has both', async () => {
    const store = await openCassandraStore(options);
    const { head } = await append(store, newLog(), undefined, [message('sealed')]);
    expect(head.sequence).toBe(1n);
    await store[Symbol.asyncDispose]();
  });

  test('refuses a wrong password, and the store says so', async () => {
    const wrong = { ...options, credentials: { username: 'cassandra', password: 'guess' } };
    await expect(openCassandraStore(wrong)).rejects.toMatchObject({
      name: 'StoreSetupError',
      message: expect.stringContaining('user or the password'),
    });
  });

  test('is not trusted without its certificate, nor talked to without TLS', async () => {
    const { tls: _tls, ...plain } = options;
    await expect(openCassandraStore({ ...options, tls: {} })).rejects.toMatchObject({ name: 'StoreSetupError' });
    await expect(openCassandraStore(plain)).rejects.toMatchObject({ reason: 'STORE_UNAVAILABLE' });
  });
});
