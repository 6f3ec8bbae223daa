import { expect, test } from 'vitest';
import { readServerInfo } from './server-info.ts';

const info = (fields: Readonly<Record<string, string>>): string =>
  Object.entries({
    redis_version: '7.0.15',
    loading: '0',
    maxmemory_policy: 'noeviction',
    master_replid: 'abc',
    ...fields,
  })
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join('');

test('a Redis is taken from 7.0 on, when it evicts nothing and has read its data', () => {
  expect(readServerInfo(info({}), 'r:1')).toEqual({ history: 'abc' });
  expect(readServerInfo(info({ redis_version: '10.2.0' }), 'r:1')).toEqual({ history: 'abc' });
  expect(() => readServerInfo(info({ redis_version: '6.2.14' }), 'r:1')).toThrow(
    'Redis at r:1 is 6.2.14; 7.0 or later is needed (sharded pub/sub)',
  );
  expect(() => readServerInfo(info({ maxmemory_policy: 'allkeys-lru' }), 'r:1')).toThrow(
    'Redis at r:1 has maxmemory-policy allkeys-lru; set it to noeviction',
  );
  expect(() => readServerInfo(info({ loading: '1' }), 'r:1')).toThrow('Redis at r:1 is reading its data');
});
