// `node clients/cli/screens.ts [FOLDER]`: plays the terminal client's test and keeps its screens as text, for the README.
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
const folder = path.resolve(process.argv[2] ?? path.join(import.meta.dirname, 'screens'));
const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, 'run', 'test/scenario/cli-tmux.test.ts'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, PARLEY_SCREENS: folder },
});
process.exitCode = status ?? 1;
