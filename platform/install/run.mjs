// Running other programs during installation, and the one kind of error that is meant for people.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');
export const cacheDir = path.resolve(root, process.env.PARLEY_CACHE || '.cache');

/** Something a person has to put right. `remedy` is the command to type, or what to do instead. */
export class Refusal extends Error {
  constructor(message, remedy = '') {
    super(message);
    this.remedy = remedy;
  }
}

/** Tells people what is going on. Everything here goes to stderr: stdout belongs to the script that follows. */
export function say(line) {
  process.stderr.write(`parley: ${line}\n`);
}

/** Runs a program whose own progress people see. Throws a Refusal with `remedy` when it fails. */
export function runVisibly(command, args, remedy, options = {}) {
  const done = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  if (done.status === 0) return;
  const why = done.error?.message ?? (done.signal ? `ended by ${done.signal}` : `exit code ${done.status}`);
  throw new Refusal(`\`${path.basename(command)} ${args.join(' ')}\` failed (${why}).`, remedy);
}

/** Output (stdout and stderr) of a program that should answer at once, or undefined when it does not succeed. */
export function outputOf(command, args) {
  const done = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000 });
  return done.status === 0 ? `${done.stdout}${done.stderr}` : undefined;
}

export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Full path of a program on PATH, leaving out node_modules/.bin, which npm puts there. */
export function onPath(name) {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return folders
    .filter((folder) => folder !== '' && !folder.endsWith(path.join('node_modules', '.bin')))
    .map((folder) => path.join(folder, name))
    .find(isExecutable);
}
