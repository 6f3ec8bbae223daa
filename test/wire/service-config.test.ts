import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { describe, expect, test } from 'vitest';
import { methods, serviceMethods, type Method } from './descriptors.ts';

type MethodConfig = {
  name: { service: string; method: string }[];
  timeout?: string;
  retryPolicy?: { maxAttempts: number; retryableStatusCodes: string[] };
};

test('an RPC reads if and only if its name says so, and then it is marked NO_SIDE_EFFECTS', () => {
  const byName = methods.filter((method) => /^(Get|BatchGet|List|Describe)[A-Z]/.test(method.name));
  expect(methods.filter((method) => method.readOnly)).toEqual(byName);
  expect(byName.length).toBeGreaterThan(10);
});

describe.each([
  { name: 'parley.v1', folder: 'parley/v1', declared: methods },
  { name: 'parley.service.v1', folder: 'parley/service/v1', declared: serviceMethods },
])('the service config of $name', ({ folder, declared }) => {
  const text = readFileSync(path.resolve(import.meta.dirname, '../../proto', folder, 'service_config.json'), 'utf8');
  const { methodConfig } = JSON.parse(text) as { methodConfig: MethodConfig[] };

  function configsOf(method: Method): MethodConfig[] {
    return methodConfig.filter((config) =>
      config.name.some((name) => name.service === method.service && name.method === method.name),
    );
  }

  test('names every RPC of the descriptor set exactly once, and no other', () => {
    const named = methodConfig.flatMap((config) => config.name.map((name) => `${name.service}/${name.method}`));
    expect(named.toSorted()).toEqual(declared.map((method) => method.path).toSorted());
  });

  test('ends reads after 10 s, writes after 15 s, streams never', () => {
    const timeouts = declared.map((method) => [method.path, ...configsOf(method).map((config) => config.timeout)]);
    expect(timeouts).toEqual(
      declared.map((method) => [method.path, method.streaming ? undefined : method.readOnly ? '10s' : '15s']),
    );
  });

  test('retries only UNAVAILABLE, and no stream', () => {
    const codes = declared.map((method) => [
      method.path,
      ...configsOf(method).map((config) => config.retryPolicy?.retryableStatusCodes),
    ]);
    expect(codes).toEqual(declared.map((method) => [method.path, method.streaming ? undefined : ['UNAVAILABLE']]));
  });

  test('is taken by grpc-js, which would not take one with a mistake', () => {
    const open = (config: string): void => {
      new Client('127.0.0.1:1', credentials.createInsecure(), { 'grpc.service_config': config }).close();
    };
    expect(() => open(text)).not.toThrow();
    expect(() => open(text.replace('"maxAttempts": 4', '"maxAttempts": 0'))).toThrow(/maxAttempts/);
  });
});
