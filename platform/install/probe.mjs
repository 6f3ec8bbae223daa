// Versions of programs, asked once: `--version` of a JVM or a version manager's shim costs more than all else here.
import { mkdirSync, readFileSync, realpathSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheDir, outputOf } from './run.mjs';

const file = path.join(cacheDir, 'versions.json');
let known;

/** What the program prints about its version; remembered until the file changes. Undefined when it fails. */
export function probeVersion(program, args) {
  known ??= readKnown();
  const target = realpathSync(program);
  const { size, mtimeMs } = statSync(target);
  const key = [program, target, size, mtimeMs].join('|');
  if (known[key] === undefined) {
    const answer = outputOf(program, args);
    if (answer === undefined) return undefined;
    known[key] = answer;
    mkdirSync(cacheDir, { recursive: true });
    const draft = `${file}.${process.pid}`;
    writeFileSync(draft, JSON.stringify(known, null, 1));
    renameSync(draft, file);
  }
  return known[key];
}

function readKnown() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return {};
  }
}
