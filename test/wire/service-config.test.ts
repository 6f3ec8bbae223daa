import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Client, credentials } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { methods, type Method } from './descriptors.ts';

type MethodConfig = {
  name: { service: string; method: string }[];
  timeout?: string;
  retryPolicy?: { maxAttempts: number; retryableStatusCodes: string[] };
};

const text = readFileSync(path.resolve(import.meta.dirname, '../../proto/parley/v1/service_config.json'), 'utf8');
const { methodConfig } = JSON.parse(text) as { methodConfig: MethodConfig[] };

function configsOf(method: Method): MethodConfig[] {
  return methodConfig.filter((config) =>
    config.name.some((name) => name.service === method.service && name.method === method.name),
  );
}

test('every RPC of the descriptor set is in the service config exactly once, and no other is', () => {
  const named = methodConfig.flatMap((config) => config.name.map((name) => `${name.service}/${name.method}`));
  expect(named.toSorted()).toEqual(methods.map((method) => method.path).toSorted());
});

test('an RPC reads if and only if its name says so, and then it is marked NO_SIDE_EFFECTS', () => {
  const byName = methods.filter((method) => /^(Get|BatchGet|List|Describe)[A-Z]/.test(method.name));
  expect(methods.filter((method) => method.readOnly)).toEqual(byName);
  expect(byName.length).toBeGreaterThan(10);
});

test('reads end after 10 s, writes after 15 s, streams never', () => {
  const declared = methods.map((method) => [method.path, ...configsOf(method).map((config) => config.timeout)]);
  expect(declared).toEqual(
    methods.map((method) => [method.path, method.streaming ? undefined : method.readOnly ? '10s' : '15s']),
  );
});

test('only UNAVAILABLE is retried, and no stream is', () => {
  const codes = methods.map((method) => [
    method.path,
    ...configsOf(method).map((config) => config.retryPolicy?.retryableStatusCodes),
  ]);
  expect(codes).toEqual(methods.map((method) => [method.path, method.streaming ? undefined : ['UNAVAILABLE']]));
});

test('grpc-js takes it, and would not take one with a mistake', () => {
  const open = (config: string): void => {
    new Client('127.0.0.1:1', credentials.createInsecure(), { 'grpc.service_config': config }).close();
  };
  expect(() => open(text)).not.toThrow();
  expect(() => open(text.replace('"maxAttempts": 4', '"maxAttempts": 0'))).toThrow(/maxAttempts/);
});
