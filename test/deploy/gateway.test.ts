// The gateway as it is deployed: its files by gateway/main.ts, nodes by name, and its pod's end.
import { connect } from 'node:net';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startChild } from '../../platform/child.ts';
import { locateEnvoy } from '../../platform/install/envoy.mjs';
import { freePort } from '../../platform/ports.ts';
import { goodAudience, goodIssuer, jwksOf, makeIssuer } from '../../server/auth/fixtures.ts';
import { systemClock } from '../../server/core/clock.ts';
import { Caller } from '../gateway/support/caller.ts';
import { startEchoNode } from '../gateway/support/echo-node.ts';
import { root, run } from '../interop/toolchain.ts';

/** What the gateway's pod runs before it is told to end, against another port and without its wait. */
async function preStop(adminPort: number): Promise<string> {
  const manifest = await readFile(path.join(root, 'deploy/kubernetes/base/gateway.yaml'), 'utf8');
  const [, lines = ''] = /command:\n\s+- bash\n\s+- -c\n\s+- \|\n((?: {20}.*\n)+)/.exec(manifest) ?? [];
  expect(lines).toContain('/dev/tcp/127.0.0.1/9901');
  return lines.replace('/9901', `/${adminPort}`).replace(/sleep \d+/, 'head -n 1 <&3');
}

test('finds nodes by name, has the metrics that alerts name, and closes its port when its pod ends', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'parley-deployed-gateway-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true }));
  const node = stack.use(await startEchoNode());
  const issuer = await makeIssuer('k1', systemClock);
  await writeFile(path.join(folder, 'jwks.json'), jwksOf(issuer));
  const [port, adminPort] = [await freePort(), await freePort()];
  const env = {
    PARLEY_GATEWAY_LISTEN: `127.0.0.1:${port}`,
    PARLEY_GATEWAY_ADMIN_PORT: String(adminPort),
    PARLEY_GATEWAY_NODES: node.address.replace('127.0.0.1', 'localhost'),
    PARLEY_JWKS: path.join(folder, 'jwks.json'),
    PARLEY_JWT_ISSUER: goodIssuer,
    PARLEY_JWT_AUDIENCE: goodAudience,
  };
  const files = path.join(folder, 'gateway');
  await run(process.execPath, [path.join(root, 'gateway/main.ts'), files], { cwd: root, env });
  const lines: string[] = [];
  const envoy = await startChild({
    name: 'Envoy',
    command: locateEnvoy() ?? '',
    args: [
      '-c',
      path.join(files, 'envoy.yaml'),
      '--disable-hot-restart',
      '--log-level',
      'warning',
      '--drain-time-s',
      '1',
    ],
    cwd: folder,
    env: { PATH: process.env['PATH'] },
    onLine: (line) => lines.push(line),
  });
  stack.defer(async () => void (await envoy.end('SIGKILL', 0)));

  const caller = stack.use(new Caller(`127.0.0.1:${port}`));
  const token = await issuer.token();
  const answer = async (): Promise<string | undefined> =>
    caller.say(token).then(
      (it) => it['node'],
      () => undefined,
    );
  await expect.poll(answer, { timeout: 20_000 }).toBe(node.address);
  await expect.poll(() => lines.join('\n'), { timeout: 20_000 }).toContain('"rpc":"/parley.v1.Echo/Say"');

  const page = await readFile(path.join(root, 'deploy/operations.md'), 'utf8');
  const exposed = await (await fetch(`http://127.0.0.1:${adminPort}/stats/prometheus`)).text();
  const named = [...new Set(page.match(/\benvoy_[a-z_]+[a-z]\b/g))].filter((name) => name !== 'envoy_cluster_name');
  expect(named.length).toBeGreaterThan(2);
  expect(named.filter((name) => !exposed.includes(`# TYPE ${name} `))).toEqual([]);

  const said = await run('bash', ['-ec', await preStop(adminPort)], { cwd: folder });
  expect(said.toString()).toContain('200 OK');
  const isOpen = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket
        .once('error', () => resolve(false))
        .once('connect', () => {
          socket.destroy();
          resolve(true);
        });
    });
  await expect.poll(isOpen, { timeout: 20_000 }).toBe(false);
});
