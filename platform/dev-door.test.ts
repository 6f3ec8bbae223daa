import { expect, test } from 'vitest';
import { refusalOf } from './dev-door.ts';

const good = {
  host: '127.0.0.1:8080',
  'x-parley-from': '127.0.0.1',
  'content-type': 'application/json',
  origin: 'http://localhost:8080',
};

test('a page of this machine is given a token', () => {
  expect(refusalOf({ method: 'POST', headers: good })).toBeUndefined();
  expect(
    refusalOf({ method: 'POST', headers: { ...good, host: '[::1]:8080', 'x-parley-from': '::1' } }),
  ).toBeUndefined();
});

test.each([
  ['another machine', { 'x-parley-from': '192.0.2.7' }],
  ['another machine that claims to be this one', { 'x-parley-from': '127.0.0.1, 192.0.2.7' }],
  ['who did not come through the gateway', { 'x-parley-from': '' }],
  ['a foreign name that leads here', { host: 'evil.example' }],
  ['a name that looks like this machine', { host: '127.0.0.1.evil.example' }],
  ['a page of elsewhere', { origin: 'https://evil.example' }],
  ['a page without an origin of its own', { origin: 'null' }],
  ['a form', { 'content-type': 'text/plain' }],
])('%s is not', (_, headers) => {
  expect(refusalOf({ method: 'POST', headers: { ...good, ...headers } })).toBeTypeOf('string');
});

test('asking is by POST', () => {
  expect(refusalOf({ method: 'GET', headers: good })).toBeTypeOf('string');
});
