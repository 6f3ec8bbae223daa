import { expect, test } from 'vitest';
import { treeMatchesLock } from './node-modules.mjs';

const chat = { version: '1.0.0', integrity: 'sha512-a' };
const native = { version: '2.0.0', integrity: 'sha512-b', optional: true };
const lock = { '': { version: '0.1.0' }, 'node_modules/chat': chat, 'node_modules/native-mac': native };

test('a tree with everything that is not optional matches', () => {
  expect(treeMatchesLock(lock, { 'node_modules/chat': chat })).toBe(true);
  expect(treeMatchesLock(lock, { 'node_modules/chat': chat, 'node_modules/native-mac': native })).toBe(true);
});

test('a platform’s package that the lock does not know matches only when it is optional', () => {
  const tree = { 'node_modules/chat': chat };
  expect(treeMatchesLock(lock, { ...tree, 'node_modules/native-arm': native })).toBe(true);
  expect(treeMatchesLock(lock, { ...tree, 'node_modules/stray': chat })).toBe(false);
});

test.each([
  ['a package is missing', {}],
  ['a version differs', { 'node_modules/chat': { ...chat, version: '1.0.1' } }],
  ['a hash differs', { 'node_modules/chat': { ...chat, integrity: 'sha512-c' } }],
])('a tree does not match when %s', (_why, tree) => {
  expect(treeMatchesLock(lock, tree)).toBe(false);
});
