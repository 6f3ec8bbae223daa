// `npm run gen`: makes proto/gen from proto/**.proto: TypeScript, descriptors.binpb for grpcurl and table tests, and
// tables.ts and tables-more.ts for browsers.
// Works offline. Does nothing when a stamp says that the inputs are those of the last run (about 10 ms), so that
// every start and test may call it. Files are replaced one by one by rename: a process that runs while this does
// sees an old or a new file, never half of one. The stamp comes last: an interrupted run is done again.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const protoDir = path.join(root, 'proto');
const outDir = path.join(protoDir, 'gen');
const stampFile = path.join(outDir, '.stamp');

/** Paths of the files under `dir`, relative to it, sorted, without those in folders whose names begin with `skip`. */
function filesUnder(dir: string, skip: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name)))
    .filter((file) => !(file.startsWith(skip) && file.includes(path.sep)))
    .toSorted();
}

function protoFiles(): string[] {
  return existsSync(protoDir) ? filesUnder(protoDir, 'gen').filter((file) => file.endsWith('.proto')) : [];
}

/** Everything the output depends on, as one hash. */
function hashInputs(): string {
  const hash = createHash('sha256');
  const add = (name: string, bytes: Buffer): void => {
    hash.update(`${name}\0${bytes.length}\0`).update(bytes);
  };
  for (const file of protoFiles()) add(file, readFileSync(path.join(protoDir, file)));
  for (const file of [
    'buf.yaml',
    'buf.gen.yaml',
    'platform/gen.ts',
    'platform/gen-tables.ts',
    'node_modules/ts-proto/package.json',
    'node_modules/@bufbuild/buf/package.json',
  ]) {
    add(file, readFileSync(path.join(root, file)));
  }
  return hash.digest('hex');
}

/** The stamp is the input hash, then one output path a line: a deleted output is made again. */
function isFresh(inputs: string): boolean {
  if (!existsSync(stampFile)) return false;
  const [stamped, ...outputs] = readFileSync(stampFile, 'utf8').split('\n');
  return stamped === inputs && outputs.every((file) => existsSync(path.join(outDir, file)));
}

async function generate(inputs: string): Promise<void> {
  // Only now: what it stands on takes longer to load than all else does when there is nothing to do.
  const { tablesModules } = await import('./gen-tables.ts');
  mkdirSync(outDir, { recursive: true });
  const scratch = mkdtempSync(path.join(outDir, '.scratch-'));
  try {
    const buf = (...args: string[]): void => {
      execFileSync(path.join(root, 'node_modules/.bin/buf'), args, {
        cwd: root,
        stdio: ['ignore', 'inherit', 'inherit'],
      });
    };
    buf('generate', '--output', scratch);
    buf('build', '--exclude-source-info', '--output', path.join(scratch, 'descriptors.binpb'));
    const tables = tablesModules(readFileSync(path.join(scratch, 'descriptors.binpb')));
    for (const [name, module] of Object.entries(tables)) writeFileSync(path.join(scratch, name), module);

    const made = filesUnder(scratch, '.');
    for (const file of made) {
      const target = path.join(outDir, file);
      mkdirSync(path.dirname(target), { recursive: true });
      renameSync(path.join(scratch, file), target);
    }
    for (const file of filesUnder(outDir, '.scratch-')) {
      if (!made.includes(file)) rmSync(path.join(outDir, file), { force: true });
    }
    const stampDraft = path.join(scratch, '.stamp');
    writeFileSync(stampDraft, [inputs, ...made].join('\n'));
    renameSync(stampDraft, stampFile);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

if (protoFiles().length === 0) {
  console.error('gen: there is no .proto file under proto/');
  process.exit(1);
}
const inputs = hashInputs();
if (!isFresh(inputs)) {
  try {
    await generate(inputs);
  } catch (error) {
    console.error(`gen: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(1);
  }
}
