// The example of clients/README.md works as it stands there.
import { spawn } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { startPlatform } from '../../platform/platform.ts';

const root = path.resolve(import.meta.dirname, '../..');

test('the example of the clients’ README says hello both ways', async () => {
  const readme = await readFile(path.join(root, 'clients/README.md'), 'utf8');
  const example = /```ts\n([\s\S]*?)```/u.exec(readme)?.[1] ?? '';
  expect(example.trim().split('\n').length).toBeLessThanOrEqual(22);
  const file = path.join(root, `.readme-example-${process.pid}.ts`);
  await using platform = await startPlatform();
  await writeFile(file, example);
  const env = { ...process.env, PARLEY_TARGET: platform.gateway, PARLEY_DATA: platform.dataDir };
  const run = (...people: string[]): { lines: () => string; stop: () => void } => {
    let text = '';
    const child = spawn(process.execPath, [file, ...people], { cwd: root, env });
    child.stdout.on('data', (bytes: Buffer) => (text += String(bytes)));
    child.stderr.on('data', (bytes: Buffer) => (text += String(bytes)));
    return { lines: () => text, stop: () => void child.kill('SIGKILL') };
  };
  const bob = run('bob', 'alice');
  try {
    await vi.waitFor(() => expect(bob.lines()).toContain('bob: hello alice'), { timeout: 20_000 });
    const alice = run('alice', 'bob');
    try {
      await vi.waitFor(() => expect(alice.lines()).toMatch(/#3 alice: hello bob/u), { timeout: 20_000 });
      await vi.waitFor(() => expect(alice.lines()).toMatch(/#3 is delivered/u), { timeout: 20_000 });
      expect(bob.lines()).toContain('#3 alice: hello bob');
    } finally {
      alice.stop();
    }
  } finally {
    bob.stop();
    await rm(file);
  }
});
