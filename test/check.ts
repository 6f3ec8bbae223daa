// `npm run check`: what can be judged without running Parley. All steps run at once; each prints one line when it ends,
// and its whole output when it failed. `npm test` counts each step as a test.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const bin = (name: string): string => path.join(root, 'node_modules/.bin', name);

export type CheckResult = { name: string; passed: boolean };

type Step = { name: string; why: string; command: readonly string[] };

/** oxlint wants folders: given files, its type-aware rules stay silent. */
const sourceFolders = ['server', 'clients', 'platform', 'gateway', 'test'].filter((folder) =>
  existsSync(path.join(root, folder)),
);

const steps: readonly Step[] = [
  { name: 'types', why: 'tsc finds no type error', command: [bin('tsc'), '--project', '.'] },
  {
    name: 'lint',
    why: 'oxlint finds no bug and no import across a room it may not cross',
    command: [bin('oxlint'), '--type-aware', '--deny-warnings', '--report-unused-disable-directives', ...sourceFolders],
  },
  { name: 'format', why: 'oxfmt would change nothing', command: [bin('oxfmt'), '--check'] },
  { name: 'unused', why: 'knip finds no unused file, export or package', command: [bin('node'), bin('knip')] },
  {
    name: 'proto lint',
    why: 'every message, field and RPC is named by the rules and commented',
    command: [bin('buf'), 'lint'],
  },
];

/** The protos may not break those of the last release; before the first release there is nothing to break. */
function breakingStep(): Step | undefined {
  const git = (...args: string[]): string => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout.trim();
  const tag = git('describe', '--tags', '--abbrev=0', '--match', 'v[0-9]*');
  if (tag === '') {
    console.log(
      'check  --    proto breaking: nothing to compare with, no release tag (v1.2.3) is an ancestor of this commit',
    );
    return undefined;
  }
  return {
    name: 'proto breaking',
    why: `clients of ${tag} keep working`,
    command: [bin('buf'), 'breaking', '--against', `.git#tag=${tag}`],
  };
}

async function runStep(step: Step): Promise<CheckResult> {
  const [command = '', ...args] = step.command;
  const started = performance.now();
  // The tools are scripts for `env node`: it must find the pinned Node, not the host's.
  const env = { ...process.env, NO_COLOR: '1', PATH: [bin('.'), process.env['PATH']].join(path.delimiter) };
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env });
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  const passed = await new Promise<boolean>((resolve) => {
    child.on('error', (error) => {
      output.push(Buffer.from(error.message));
      resolve(false);
    });
    child.on('close', (code) => resolve(code === 0));
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`check  ${passed ? 'ok  ' : 'FAIL'}  ${step.name}: ${step.why} (${seconds} s)`);
  if (!passed) console.log(Buffer.concat(output).toString().trimEnd());
  return { name: step.name, passed };
}

export async function runChecks(): Promise<CheckResult[]> {
  const gen = spawnSync(bin('node'), ['platform/gen.ts'], { cwd: root, stdio: 'inherit' });
  if (gen.status !== 0) return [{ name: 'gen', passed: false }];
  const breaking = breakingStep();
  return Promise.all([...steps, ...(breaking === undefined ? [] : [breaking])].map(runStep));
}

if (import.meta.main) {
  const results = await runChecks();
  process.exitCode = results.every((result) => result.passed) ? 0 : 1;
}
