import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from './config.ts';

const needed = { PARLEY_JWKS: 'keys.json', PARLEY_JWT_ISSUER: 'https://id.example', PARLEY_JWT_AUDIENCE: 'parley' };

describe('The configuration of a node', () => {
  it('has a default for everything but the issuer of tokens', () => {
    const config = readConfig(needed);
    expect(config.PARLEY_MEMBER_CAP).toBe(1_000);
    expect(config.PARLEY_LISTEN).toBe('127.0.0.1:0');
    expect(config.PARLEY_NODE_ID).toMatch(/^n[0-9a-f]{8}$/);
    expect(() => readConfig({ ...needed, PARLEY_JWKS: '' })).toThrow(/PARLEY_JWKS is required/);
  });

  it('refuses a name that is no setting', () => {
    expect(() => readConfig({ ...needed, PARLEY_MEMBER_CAPS: '5' })).toThrow(/no such setting: PARLEY_MEMBER_CAPS/);
  });

  it('refuses values out of bounds and says what they should be', () => {
    expect(() => readConfig({ ...needed, PARLEY_MEMBER_CAP: '1' })).toThrow(/whole number from 2 to 100000, not "1"/);
    expect(() => readConfig({ ...needed, PARLEY_LIMIT_SENDS_PER_S: '2.5' })).toThrow(ConfigError);
    expect(() => readConfig({ ...needed, PARLEY_DEV_KEY: 'yes' })).toThrow(/must be 0 or 1/);
    expect(() => readConfig({ ...needed, PARLEY_LISTEN: 'here' })).toThrow(/must be host:port/);
    expect(() => readConfig({ ...needed, PARLEY_LOG_LEVEL: 'loud' })).toThrow(/PARLEY_LOG_LEVEL must be info or trace/);
    for (const [name, value] of [
      ['PARLEY_RETENTION_DEFAULT', 'for-ever'],
      ['PARLEY_RETENTION_MAX', '10'],
    ] as const) {
      expect(() => readConfig({ ...needed, [name]: value })).toThrow(`${name} must be`);
    }
    readConfig({ ...needed, PARLEY_RETENTION_DEFAULT: 'until-delivered:7d', PARLEY_RETENTION_MAX: '30d' });
  });

  it('keeps the dev key on loopback unless told otherwise', () => {
    const exposed = { ...needed, PARLEY_DEV_KEY: '1', PARLEY_LISTEN: '0.0.0.0:9000' };
    expect(() => readConfig(exposed)).toThrow(/must be on loopback/);
    expect(readConfig({ ...exposed, PARLEY_DEV_KEY_EXPOSE: '1' }).PARLEY_LISTEN).toBe('0.0.0.0:9000');
    expect(readConfig({ ...exposed, PARLEY_LISTEN: '127.0.0.7:9000' }).PARLEY_DEV_KEY).toBe(true);
  });

  it('takes any setting from a file', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'parley-config-')), 'audience');
    writeFileSync(file, 'from-a-file\n');
    expect(readConfig({ ...needed, PARLEY_JWT_AUDIENCE: undefined, PARLEY_JWT_AUDIENCE_FILE: file })).toMatchObject({
      PARLEY_JWT_AUDIENCE: 'from-a-file',
    });
    expect(() => readConfig({ ...needed, PARLEY_NODE_ID_FILE: `${file}-gone` })).toThrow(/PARLEY_NODE_ID_FILE/);
  });

  it('keeps the port of services apart: another audience, both halves of its certificate, on loopback with the dev key', () => {
    const serving = { ...needed, PARLEY_SERVICE_LISTEN: '0.0.0.0:9001' };
    expect(readConfig(serving).PARLEY_SERVICE_AUDIENCE).toBe('parley-service');
    expect(() => readConfig({ ...serving, PARLEY_SERVICE_AUDIENCE: 'parley' })).toThrow(
      /SERVICE_AUDIENCE must be another/,
    );
    expect(() => readConfig({ ...serving, PARLEY_SERVICE_TLS_CERT: 'cert' })).toThrow(/go together/);
    expect(() => readConfig({ ...serving, PARLEY_SERVICE_LISTEN: 'here' })).toThrow(/must be host:port/);
    expect(() => readConfig({ ...serving, PARLEY_DEV_KEY: '1' })).toThrow(/PARLEY_SERVICE_LISTEN must be on loopback/);
    expect(readConfig({ ...needed, PARLEY_SERVICE_AUDIENCE: 'parley' }).PARLEY_SERVICE_LISTEN).toBe('');
  });

  it('says what else Cassandra and Redis need', () => {
    const cassandra = {
      ...needed,
      PARLEY_STORE: 'cassandra',
      PARLEY_CASSANDRA_CONTACT_POINTS: 'one:9042, two:9042',
      PARLEY_CASSANDRA_DATA_CENTER: 'dc1',
    };
    expect(readConfig(cassandra).PARLEY_CASSANDRA_KEYSPACE).toBe('parley');
    expect(() => readConfig({ ...needed, PARLEY_STORE: 'postgres' })).toThrow(/must be embedded or cassandra/);
    expect(() => readConfig({ ...cassandra, PARLEY_CASSANDRA_DATA_CENTER: '' })).toThrow(/DATA_CENTER is required/);
    expect(() => readConfig({ ...cassandra, PARLEY_CASSANDRA_CONTACT_POINTS: 'one' })).toThrow(/must be host:port/);
    expect(() => readConfig({ ...needed, PARLEY_REDIS: 'r:6379' })).toThrow(/nodes that share a store/);
    const redis = {
      ...cassandra,
      PARLEY_REDIS: 'r:6379',
      PARLEY_NODES_LISTEN: '10.0.0.1:7100',
      PARLEY_NODES_TLS_CA: 'ca',
      PARLEY_NODES_TLS_CERT: 'cert',
      PARLEY_NODES_TLS_KEY: 'key',
    };
    expect(readConfig(redis).PARLEY_REDIS_PREFIX).toBe('parley:');
    expect(() => readConfig({ ...redis, PARLEY_NODES_TLS_CA: '' })).toThrow(
      /NODES_TLS_CA is required with PARLEY_REDIS/,
    );
    expect(() => readConfig({ ...redis, PARLEY_NODES_LISTEN: '10.0.0.1:0' })).toThrow(/must name a port/);
    expect(() => readConfig({ ...redis, PARLEY_REDIS_PREFIX: '{a}' })).toThrow(/without braces/);
  });
});
