// `npm test`: the checks, then every vitest project. The last line is `N passed, N failed` (and `, N skipped` when
// PARLEY_SKIP or a test left something out); the exit code is 0 only when something ran and nothing failed.
// `npm test -- server/core` runs the test files whose paths contain that, without the checks.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { runChecks } from './check.ts';
import type { Tally } from './support/tally-reporter.ts';

const root = path.resolve(import.meta.dirname, '..');

/** A hung test must not hang CI: after this everything is killed and the run fails. */
const limitMs = 25 * 60_000;

const filters = process.argv.slice(2);
mkdirSync(path.join(root, '.cache'), { recursive: true });
const scratch = mkdtempSync(path.join(root, '.cache/test-'));
const tallyFile = path.join(scratch, 'tally.json');

/** Runs vitest as the leader of a process group, so that what its tests started can be killed with it. */
async function runVitest(): Promise<{ code: number | null; failure?: string }> {
  const child = spawn(
    path.join(root, 'node_modules/.bin/node'),
    [
      'node_modules/vitest/vitest.mjs',
      'run',
      '--reporter=default',
      '--reporter=./test/support/tally-reporter.ts',
      ...filters,
    ],
    {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      detached: true,
      env: { ...process.env, TALLY_FILE: tallyFile },
    },
  );
  const killGroup = (): void => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  let failure: string | undefined;
  const stop = (reason: string): void => {
    failure ??= reason;
    killGroup();
  };
  const timer = setTimeout(() => stop(`the run took longer than ${limitMs / 60_000} minutes and was killed`), limitMs);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop(`stopped by ${signal}`));
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', (error) => {
      failure ??= error.message;
      resolve(null);
    });
    child.on('exit', (exitCode) => resolve(exitCode));
  });
  clearTimeout(timer);
  return failure === undefined ? { code } : { code, failure };
}

function readTally(): Tally {
  try {
    return JSON.parse(readFileSync(tallyFile, 'utf8')) as Tally;
  } catch {
    return { passed: 0, skipped: 0, failures: ['vitest ended without results'] };
  }
}

const checks = filters.length === 0 ? await runChecks() : [];
const vitest = await runVitest();
const tally = readTally();
rmSync(scratch, { recursive: true, force: true });

const failures = [
  ...checks.filter((check) => !check.passed).map((check) => `check ${check.name}`),
  ...(vitest.failure === undefined ? [] : [vitest.failure]),
  ...tally.failures,
];
if (vitest.code !== 0 && failures.length === 0) failures.push(`vitest ended with ${vitest.code ?? 'a signal'}`);
if (tally.passed === 0 && failures.length === 0) failures.push('no test ran');
const passed = tally.passed + checks.filter((check) => check.passed).length;

for (const line of failures) console.log(`failed: ${line}`);
const skipped = tally.skipped === 0 ? '' : `, ${tally.skipped} skipped`;
console.log(`${passed} passed, ${failures.length} failed${skipped}`);
process.exit(failures.length === 0 ? 0 : 1);
