// Every rule of the house is broken once on purpose in a scratch checkout, by one oxlint run: a rule that no longer
// bites fails here, and so does one that bites what is allowed.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

type Sample = { file: string; source: string; rule: string };

const violations: Sample[] = [
  { rule: 'house(rooms)', file: 'server/core/a.ts', source: `import '../store/store.ts';` },
  { rule: 'house(rooms)', file: 'server/core/b.ts', source: `import '#proto/parley/v1/entry.ts';` },
  { rule: 'house(rooms)', file: 'server/core/c.ts', source: `import 'node:fs';` },
  { rule: 'house(rooms)', file: 'server/core/d.ts', source: `import 'pino';` },
  { rule: 'house(rooms)', file: 'server/store/a.ts', source: `import './embedded/writer.ts';` },
  { rule: 'house(rooms)', file: 'server/store/embedded/a.ts', source: `import '../cassandra/rows.ts';` },
  { rule: 'house(rooms)', file: 'server/store/cassandra/a.ts', source: `import '../embedded/writer.ts';` },
  { rule: 'house(rooms)', file: 'server/bus/memory.ts', source: `import './redis.ts';` },
  { rule: 'house(rooms)', file: 'server/notify/notifier.ts', source: `import './fcm.ts';` },
  { rule: 'house(rooms)', file: 'server/presence/redis.ts', source: `import './memory.ts';` },
  { rule: 'house(rooms)', file: 'server/delivery/a.ts', source: `import '../chat/history.ts';` },
  { rule: 'house(rooms)', file: 'server/delivery/b.ts', source: `import '../store/embedded/writer.ts';` },
  { rule: 'house(rooms)', file: 'server/delivery/c.ts', source: `import '@grpc/grpc-js';` },
  { rule: 'house(rooms)', file: 'server/delivery/d.ts', source: `export { a } from '../rpc/a.ts';` },
  { rule: 'house(rooms)', file: 'server/chat/a.ts', source: `import '../rpc/a.ts';` },
  { rule: 'house(rooms)', file: 'server/chat/b.ts', source: `await import('../bus/memory.ts');` },
  { rule: 'house(rooms)', file: 'server/chat/c.ts', source: `import '../app.ts';` },
  { rule: 'house(rooms)', file: 'server/rpc/b.ts', source: `import '../store/embedded/writer.ts';` },
  { rule: 'house(rooms)', file: 'server/rpc/c.ts', source: `import 'prom-client';` },
  { rule: 'house(rooms)', file: 'server/auth/a.ts', source: `import '../chat/history.ts';` },
  { rule: 'house(rooms)', file: 'server/app.ts', source: `import '../clients/core/a.ts';` },
  { rule: 'house(rooms)', file: 'server/main.ts', source: `import './rpc/a.ts';` },
  { rule: 'house(rooms)', file: 'server/elsewhere/a.ts', source: `export const a = 1;` },
  { rule: 'house(rooms)', file: 'server/chat/d.test.ts', source: `import '../../platform/platform.ts';` },
  { rule: 'house(rooms)', file: 'clients/core/a.ts', source: `import '../../server/core/a.ts';` },
  { rule: 'house(rooms)', file: 'clients/core/b.ts', source: `import '@grpc/grpc-js';` },
  { rule: 'house(rooms)', file: 'clients/core/c.ts', source: `import 'node:fs';` },
  { rule: 'house(rooms)', file: 'clients/node/a.ts', source: `import '../../test/support/a.ts';` },
  { rule: 'house(rooms)', file: 'platform/a.ts', source: `import '../server/chat/history.ts';` },
  { rule: 'house(rooms)', file: 'gateway/a.ts', source: `import '../platform/c.ts';` },
  { rule: 'house(rooms)', file: 'platform/b.ts', source: `import '../test/support/a.ts';` },
  { rule: 'eslint(no-console)', file: 'server/chat/e.ts', source: `console.log(1);` },
  { rule: 'eslint(no-restricted-globals)', file: 'server/chat/f.ts', source: `setTimeout(() => {}, 1);` },
  { rule: 'eslint(no-restricted-imports)', file: 'server/chat/g.ts', source: `import 'node:timers/promises';` },
  { rule: 'eslint(no-restricted-properties)', file: 'server/chat/h.ts', source: `export const a = Date.now();` },
  { rule: 'eslint(no-restricted-properties)', file: 'server/chat/i.ts', source: `export const a = Math.random();` },
  { rule: 'eslint(no-restricted-properties)', file: 'server/chat/j.ts', source: `export const a = performance.now();` },
  { rule: 'eslint(no-restricted-properties)', file: 'server/config.ts', source: `export const a = process.env;` },
  { rule: 'house(no-current-date)', file: 'server/chat/k.ts', source: `export const a = new Date();` },
  { rule: 'house(no-module-state)', file: 'server/chat/l.ts', source: `let a = 1;\nexport const b = () => a++;` },
  { rule: 'house(no-module-state)', file: 'server/chat/m.ts', source: `export const a = new Map<string, string>();` },
  { rule: 'house(no-module-state)', file: 'server/chat/n.ts', source: `export const a: string[] = [];` },
  {
    rule: 'typescript(no-floating-promises)',
    file: 'server/chat/o.ts',
    source: `export const a = async (): Promise<void> => {};\nexport const b = (): void => {\n  a();\n};`,
  },
  { rule: 'typescript(no-explicit-any)', file: 'server/chat/p.ts', source: `export const a = (b: any): void => b;` },
  { rule: 'import(no-cycle)', file: 'server/chat/q.ts', source: `import { r } from './r.ts';\nexport const q = r;` },
  { rule: 'import(no-cycle)', file: 'server/chat/r.ts', source: `import { q } from './q.ts';\nexport const r = q;` },
  { rule: 'import(no-default-export)', file: 'server/chat/s.ts', source: `export default 1;` },
  { rule: 'unicorn(filename-case)', file: 'server/chat/sendMessage.ts', source: `export const a = 1;` },
  { rule: 'eslint(max-lines)', file: 'server/chat/t.ts', source: 'export const a = [\n' + '  1,\n'.repeat(400) + '];' },
  { rule: 'oxc(no-barrel-file)', file: 'server/chat/u.ts', source: `export * from './history.ts';` },
  {
    rule: 'vitest(no-disabled-tests)',
    file: 'test/a.test.ts',
    source: `import { test } from 'vitest';\ntest.skip('a', () => {});`,
  },
];

const allowed: Omit<Sample, 'rule'>[] = [
  { file: 'server/core/clock.ts', source: `export const now = (): number => Date.now() + setTimeout.length;` },
  { file: 'server/core/names.ts', source: `export const names = new Map([['a', 1]]);` },
  { file: 'server/core/hash.ts', source: `import { createHash } from 'node:crypto';\nexport const a = createHash;` },
  { file: 'server/store/store.ts', source: `import '../core/names.ts';\nimport '../telemetry/log.ts';` },
  {
    file: 'server/store/embedded/writer.ts',
    source: `import 'classic-level';\nimport '../store.ts';\nimport 'node:fs';`,
  },
  { file: 'server/bus/redis.ts', source: `import './bus.ts';\nimport '../redis/link.ts';` },
  { file: 'server/redis/link.ts', source: `import 'ioredis';` },
  { file: 'server/delivery/hub.ts', source: `import '../store/store.ts';\nimport '../bus/bus.ts';` },
  { file: 'server/chat/history.ts', source: `import '../delivery/hub.ts';\nimport '../presence/registry.ts';` },
  {
    file: 'server/rpc/a.ts',
    source: `import '@grpc/grpc-js';\nimport '#proto/parley/v1/entry.ts';\nimport '../chat/history.ts';\nimport '../auth/a.ts';`,
  },
  {
    file: 'server/chat/history.test.ts',
    source: `import '../store/embedded/writer.ts';\nimport '../../test/support/a.ts';`,
  },
  { file: 'server/telemetry/log.ts', source: `import 'pino';` },
  { file: 'clients/cli/a.ts', source: `import '../core/a.ts';\nimport '../node/a.ts';` },
  { file: 'platform/c.ts', source: `import '../server/auth/a.ts';` },
  { file: 'test/b.test.ts', source: `import '../server/store/embedded/writer.ts';\nimport '../platform/a.ts';` },
];

type Finding = { filename: string; code: string; message: string };

const checkout = mkdtempSync(path.join(os.tmpdir(), 'parley-lint-'));
let findings: Finding[] = [];

beforeAll(() => {
  for (const name of [
    '.oxlintrc.json',
    'tsconfig.json',
    'package.json',
    'test/tooling/house-rules.ts',
    'test/tooling/rooms.ts',
  ]) {
    cpSync(path.join(root, name), path.join(checkout, name));
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(checkout, 'node_modules'));
  for (const { file, source } of [...violations, ...allowed]) {
    mkdirSync(path.join(checkout, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(checkout, file), `${source}\n`);
  }
  const bin = path.join(root, 'node_modules/.bin');
  const run = spawnSync(
    path.join(bin, 'oxlint'),
    ['--type-aware', '--format=json', 'server', 'clients', 'platform', 'gateway', 'test'],
    { cwd: checkout, encoding: 'utf8', env: { ...process.env, PATH: `${bin}${path.delimiter}${process.env['PATH']}` } },
  );
  findings = (JSON.parse(run.stdout) as { diagnostics: Finding[] }).diagnostics;
});

afterAll(() => rmSync(checkout, { recursive: true, force: true }));

test.for(violations)('$rule refuses $file', ({ file, rule }) => {
  expect(findings.filter((finding) => finding.filename === file).map((finding) => finding.code)).toContain(rule);
});

test.for(allowed)('nothing refuses $file', ({ file }) => {
  expect(findings.filter((finding) => finding.filename === file)).toEqual([]);
});
