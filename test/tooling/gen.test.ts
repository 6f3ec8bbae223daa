// platform/gen.ts over a scratch checkout: when it works, when it does nothing, and what it leaves after a failure.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');
const checkout = mkdtempSync(path.join(os.tmpdir(), 'parley-gen-'));
const at = (file: string): string => path.join(checkout, file);

beforeAll(() => {
  for (const name of ['buf.yaml', 'buf.gen.yaml', 'package.json', 'platform/gen.ts', 'platform/gen-tables.ts'])
    cpSync(path.join(root, name), at(name));
  symlinkSync(path.join(root, 'node_modules'), at('node_modules'));
  mkdirSync(at('proto/parley/v1'), { recursive: true });
});

afterAll(() => rmSync(checkout, { recursive: true, force: true }));

function writeProto(name: string, body: string): void {
  writeFileSync(at(`proto/parley/v1/${name}.proto`), `syntax = "proto3";\npackage parley.v1;\n${body}\n`);
}

function gen(): { code: number | null; errors: string } {
  const run = spawnSync(process.execPath, ['platform/gen.ts'], { cwd: checkout, encoding: 'utf8' });
  return { code: run.status, errors: run.stderr };
}

test('without a proto there is nothing to generate, and it says so', () => {
  expect(gen()).toEqual({ code: 1, errors: 'gen: there is no .proto file under proto/\n' });
});

test('it writes TypeScript, a descriptor set and tables, and leaves no scratch behind', () => {
  writeProto('a', 'message A { uint64 sequence = 1; }');
  writeProto('b', 'message B { string id = 1; }');
  expect(gen()).toEqual({ code: 0, errors: '' });
  expect(readdirSync(at('proto/gen')).toSorted()).toEqual([
    '.stamp',
    'descriptors.binpb',
    'parley',
    'tables-more.ts',
    'tables.ts',
  ]);
  expect(readdirSync(at('proto/gen/parley/v1')).toSorted()).toEqual(['a.ts', 'b.ts']);
});

test('unchanged inputs are not generated again', () => {
  const before = statSync(at('proto/gen/parley/v1/a.ts')).ino;
  expect(gen().code).toBe(0);
  expect(statSync(at('proto/gen/parley/v1/a.ts')).ino).toBe(before);
});

test('an output that somebody deleted is made again', () => {
  rmSync(at('proto/gen/parley/v1/a.ts'));
  expect(gen().code).toBe(0);
  expect(existsSync(at('proto/gen/parley/v1/a.ts'))).toBe(true);
});

test('the output of a proto that is gone goes too', () => {
  rmSync(at('proto/parley/v1/b.proto'));
  expect(gen().code).toBe(0);
  expect(readdirSync(at('proto/gen/parley/v1'))).toEqual(['a.ts']);
});

test('a broken proto fails with the place of the mistake and keeps what was there', () => {
  writeProto('a', 'message A { uint64 sequence = ; }');
  const { code, errors } = gen();
  expect(code).toBe(1);
  expect(errors).toContain('proto/parley/v1/a.proto:3:');
  expect(readdirSync(at('proto/gen/parley/v1'))).toEqual(['a.ts']);
});
