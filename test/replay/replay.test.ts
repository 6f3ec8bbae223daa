import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { committedExcerpt, sharedLogFiles } from './excerpts.ts';
import { planFile } from './plan.ts';

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

async function replay(...args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'main.ts'), ...args]);
  onTestFinished(() => void child.kill());
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code: code as number | null, out, err };
}

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'parley-replay-'));
  onTestFinished(() => rm(made, { recursive: true }));
  return made;
}

/** Deliveries that a plan calls for: each message to every other member. */
function deliveries(file: Buffer): number {
  const plan = planFile('', file);
  const members = new Set(plan.initial);
  let count = 0;
  for (const step of plan.steps) {
    if (step.kind === 'send') count += members.size - 1;
    else if (step.changes) members[step.kind === 'join' ? 'add' : 'delete'](step.user);
  }
  return count;
}

/** Joins, leaves and renames are in the second of the logs' first 300 lines. */
async function shortLog(path: string): Promise<Buffer> {
  const whole = await readFile(sharedLogFiles()[1] ?? committedExcerpt);
  const lines = whole.toString('latin1').split('\n').slice(0, 300);
  // What the logs lack: bytes that are no UTF-8, a byte order mark, and a line of no form.
  lines.push('[23:59] <Latin> caf\xe9', '[23:59]  * Latin \xff\x00\x08', '[23:59] <Latin> \xef\xbb\xbfmark', 'no form');
  const file = Buffer.from(lines.join('\n'), 'latin1');
  await writeFile(path, file);
  return file;
}

test(
  'a log is replayed through the gateway with streams breaking, and nothing is lost, doubled, moved or altered',
  { timeout: 120_000 },
  async () => {
    const path = join(await folder(), 'short.txt');
    const file = await shortLog(path);
    const plan = planFile(path, file);
    const { code, out, err } = await replay('--disturb', '--seed', '2', path);
    expect(err).toMatch(/^[1-9]\d* streams were broken on purpose/m);
    expect(out.trimEnd().split('\n').at(-1)).toMatch(
      new RegExp(
        `^replay: files=1 messages=${plan.messages} clients=${plan.users.length} deliveries=${deliveries(file)} ` +
          String.raw`lost=0 duplicated=0 reordered=0 altered=0 skipped_lines=${plan.skippedLines} seconds=\d+\.\d$`,
      ),
    );
    expect(code).toBe(0);
  },
);

test('what cannot be run is said in words, with the usage', async () => {
  const missing = await replay('/nowhere/at-all.txt');
  expect(missing.code).toBe(2);
  expect(missing.err).toMatch(/^replay: \/nowhere\/at-all\.txt cannot be read: ENOENT/);
  expect(missing.err).toContain('npm run replay -- ');
  expect(missing.out).toBe('');
});
