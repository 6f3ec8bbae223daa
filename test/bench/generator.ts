// Builds and runs the load generator.
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { goEnv } from '../interop/toolchain.ts';
import type { Bench, ChannelBench, FanoutBench } from './args.ts';
import type { Report } from './report.ts';

const root = path.resolve(import.meta.dirname, '../..');
export const source = path.join(import.meta.dirname, 'loadgen');
const cache = path.join(root, '.cache/bench');
const generated = path.join(cache, 'gen');
const plugins = [
  'google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12',
  'google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.0',
];
const run = promisify(execFile);
/** For everything that `go` does here. */
export const env = { ...process.env, ...goEnv };

function filesUnder(folder: string, suffix: RegExp): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => suffix.test(file))
    .map((file) => path.join(folder, file))
    .toSorted();
}

function hashOf(files: readonly string[], more: string): string {
  const hash = createHash('sha256').update(more);
  for (const file of files) hash.update(`\0${path.relative(root, file)}\0`).update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}

/** Go stubs of proto/parley/v1 as the module `parley.chat/go`, which the generator's go.mod expects in .cache/bench/gen. */
export async function generateStubs(): Promise<void> {
  const stamp = hashOf(filesUnder(path.join(root, 'proto'), /\.proto$/), plugins.join());
  const stampFile = path.join(generated, '.stamp');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;
  mkdirSync(cache, { recursive: true });
  const bin = path.join(cache, 'bin');
  for (const plugin of plugins) await run('go', ['install', plugin], { cwd: cache, env: { ...env, GOBIN: bin } });
  const draft = path.join(cache, `gen-${process.pid}`);
  rmSync(draft, { recursive: true, force: true });
  const template = {
    version: 'v2',
    plugins: ['protoc-gen-go', 'protoc-gen-go-grpc'].map((plugin) => ({
      local: path.join(bin, plugin),
      out: draft,
      opt: ['module=parley.chat/go'],
    })),
  };
  await run(
    path.join(root, 'node_modules/.bin/buf'),
    ['generate', '--path', 'proto/parley/v1', '--template', JSON.stringify(template)],
    { cwd: root },
  );
  writeFileSync(path.join(draft, 'go.mod'), 'module parley.chat/go\n\ngo 1.24.0\n');
  writeFileSync(path.join(draft, '.stamp'), stamp);
  rmSync(generated, { recursive: true, force: true });
  renameSync(draft, generated);
}

/** Gives the path of the binary, built when its sources or the protos have changed. */
export async function buildGenerator(): Promise<string> {
  await generateStubs();
  const files = [...filesUnder(source, /\.(go|mod|sum)$/), path.join(generated, '.stamp')];
  const binary = path.join(cache, `loadgen-${hashOf(files, '')}`);
  if (existsSync(binary)) return binary;
  const draft = `${binary}.${process.pid}`;
  await run('go', ['build', '-o', draft, '.'], { cwd: source, env });
  for (const old of readdirSync(cache).filter((file) => file.startsWith('loadgen-'))) {
    if (path.join(cache, old) !== draft) rmSync(path.join(cache, old), { force: true });
  }
  renameSync(draft, binary);
  return binary;
}

export interface Target {
  readonly carrier: 'parley' | 'socketio';
  /** host:port. */
  readonly address: string;
  /** File of the dev key. */
  readonly key: string;
  /** Server processes to measure, name and pid; those of one name are added up. */
  readonly processes: readonly (readonly [name: string, pid: number])[];
  /** Where nodes tell their metrics, host:port; none are asked by default. */
  readonly metrics?: readonly string[];
}

export interface GeneratorOptions {
  /** Told each second how a channel goes. */
  readonly onProgress?: (progress: Progress) => void;
  /** Ends it early: what it then has is told. */
  readonly signal?: AbortSignal;
}

/** Counted since the start; the latencies are the last second's. */
export interface Progress {
  readonly published: number;
  readonly delivered: number;
  readonly skipped: number;
  readonly left_out: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly disconnects: number;
}

/** Runs one bench and gives what the generator says. Its complaints go to standard error. */
export async function generate(
  binary: string,
  bench: Bench,
  target: Target,
  { onProgress, signal }: GeneratorOptions = {},
): Promise<Report> {
  const args = [bench.bench, ...benchArgs(bench), ...targetArgs(target)];
  if (onProgress !== undefined) args.push('--progress');
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const onAbort = (): void => void child.kill('SIGTERM');
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  let last = '';
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.startsWith('{"progress":')) onProgress?.((JSON.parse(line) as { progress: Progress }).progress);
      else last = line;
    }
    const code = await ended;
    if (code !== 0 || !last.startsWith('{')) throw new Error(`the load generator failed (exit code ${code})`);
    return JSON.parse(last) as Report;
  } finally {
    signal?.removeEventListener('abort', onAbort);
    if (child.exitCode === null) child.kill('SIGTERM');
  }
}

function targetArgs({ carrier, address, key, processes, metrics = [] }: Target): string[] {
  const list = processes.map(([name, pid]) => `${name}=${pid}`);
  return [
    `--carrier=${carrier}`,
    `--target=${address}`,
    `--key=${key}`,
    `--processes=${list.join()}`,
    `--nodes=${metrics.join()}`,
  ];
}

function benchArgs(bench: Bench): string[] {
  const common = [`--for=${bench.seconds}s`, `--warm-up=${bench.warmUpS}s`, `--size=${bench.sizeBytes}`];
  switch (bench.bench) {
    case 'pairs':
      return [
        ...common,
        `--pairs=${bench.pairs}`,
        `--think=${bench.thinkMs}ms`,
        ...(bench.receipts === 'none' ? [] : [`--receipts=${bench.receipts}`]),
      ];
    case 'fanout':
      return [...common, ...audienceArgs(bench), ...(bench.acks ? [] : ['--no-acks'])];
    case 'channel':
      return [
        ...common,
        ...audienceArgs(bench),
        `--class=${bench.class.toUpperCase()}`,
        `--max-rate=${bench.maxRate}`,
        `--slow-readers=${bench.slowReaders}`,
      ];
    case 'connections':
      return [...common, `--streams=${bench.streams}`, `--streams-per-conn=${bench.streamsPerConnection}`];
  }
}

function audienceArgs(bench: FanoutBench | ChannelBench): string[] {
  return [`--listeners=${bench.listeners}`, `--senders=${bench.senders}`, `--rate=${bench.rate}`];
}
