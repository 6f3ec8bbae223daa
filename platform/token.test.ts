import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';

const command = path.join(import.meta.dirname, 'token.ts');
const folder = mkdtempSync(path.join(tmpdir(), 'parley-token-'));
afterAll(() => rmSync(folder, { recursive: true }));

function token(...args: string[]): {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
} {
  return spawnSync(process.execPath, [command, ...args, '--data', folder], { encoding: 'utf8' });
}

test('standard output holds the token alone; that its key is new is said beside it, once', () => {
  const first = token('alice');
  expect(first.stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  expect(first.stderr).toContain(`made a new dev key in ${folder}`);
  const second = token('--service', 'crm', '--scopes', 'threads, messages');
  expect([second.status, second.stderr]).toEqual([0, '']);
  const claims = JSON.parse(Buffer.from(second.stdout.split('.')[1] ?? '', 'base64url').toString()) as object;
  expect(claims).toMatchObject({ sub: 'crm', scope: 'threads messages' });
});

test.each([
  [[], 'give one user, or --service NAME'],
  [['alice', 'bob'], 'give one user'],
  [['--service', 'crm', '--scopes', 'threads,everything'], 'there is no scope "everything"'],
  [['alice', '--ttl', '5'], '"5" is not a time'],
])('%j is refused with the reason and the usage', (args, reason) => {
  const { status, stdout, stderr } = token(...args);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain(reason);
  expect(stderr).toContain('usage: npm run token -- USER');
});
