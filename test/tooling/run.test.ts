// The runner runs itself over doctored test files in a scratch checkout: a run that hides a failure is worse than none.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const checkout = mkdtempSync(path.join(os.tmpdir(), 'parley-run-'));

beforeAll(() => {
  for (const name of [
    'vitest.config.ts',
    'package.json',
    'tsconfig.json',
    'test/run.ts',
    'test/check.ts',
    'test/support',
  ]) {
    cpSync(path.join(root, name), path.join(checkout, name), { recursive: true });
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(checkout, 'node_modules'));
});

afterAll(() => rmSync(checkout, { recursive: true, force: true }));

/** Runs one test file made of `body`; gives the exit code and the last line of the output. */
function runOf(name: string, body: string, skip = ''): { code: number | null; last: string | undefined } {
  const head = `import { beforeAll, describe, expect, test } from 'vitest';\nimport { needs } from './support/skip.ts';\n`;
  writeFileSync(path.join(checkout, `test/${name}.test.ts`), head + body);
  const env = { ...process.env, PARLEY_SKIP: skip };
  const run = spawnSync(process.execPath, ['test/run.ts', `test/${name}.test.ts`], {
    cwd: checkout,
    encoding: 'utf8',
    env,
  });
  return { code: run.status, last: run.stdout.trimEnd().split('\n').at(-1) };
}

const passing = `test('a', () => expect(1).toBe(1));\n`;

test('a run in which everything passed ends with its count and 0', () => {
  expect(runOf('good', passing)).toEqual({ code: 0, last: '1 passed, 0 failed' });
});

test('a failed test is counted and fails the run', () => {
  expect(runOf('bad', `${passing}test('b', () => expect(1).toBe(2));`)).toEqual({
    code: 1,
    last: '1 passed, 1 failed',
  });
});

test('a file that does not load is a failure', () => {
  expect(runOf('unloadable', `import './missing.ts';\n${passing}`)).toEqual({ code: 1, last: '0 passed, 1 failed' });
});

test('a hook that throws is a failure', () => {
  const body = `${passing}describe('d', () => { beforeAll(() => { throw new Error('no'); }); test('b', () => {}); });`;
  expect(runOf('hook', body)).toEqual({ code: 1, last: '1 passed, 1 failed, 1 skipped' });
});

test('an error that nobody caught is a failure', () => {
  const body = `${passing}test('b', () => new Promise((done) => { Promise.reject(new Error('lost')); setImmediate(done); }));`;
  expect(runOf('uncaught', body)).toEqual({ code: 1, last: '2 passed, 1 failed' });
});

test('a component that PARLEY_SKIP names is counted as skipped, any other runs', () => {
  const body = `${passing}needs('tmux')('t', () => { test('b', () => {}); });\nneeds('go')('g', () => { test('c', () => {}); });`;
  expect(runOf('skips', body, 'java, tmux')).toEqual({ code: 0, last: '2 passed, 0 failed, 1 skipped' });
});

test('a run in which no test ran fails', () => {
  expect(runOf('none', `needs('tmux')('t', () => { test('b', () => {}); });`, 'tmux')).toEqual({
    code: 1,
    last: '0 passed, 1 failed, 1 skipped',
  });
});
