import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { jwksOf, makeIssuer } from '../../server/auth/fixtures.ts';
import { systemClock } from '../../server/core/clock.ts';
import { coldLimitMs, root, run } from '../interop/toolchain.ts';
import { needs } from '../support/skip.ts';
import { validateGatewayFiles } from './support/envoy-files.ts';
import { nodeConfigOf } from './support/node-settings.ts';
import { loadCompose } from './support/tools.ts';
import type { ComposeProject, ComposeService } from './support/tools.ts';

const issuer = {
  PARLEY_JWKS: 'https://id.example/jwks.json',
  PARLEY_JWT_ISSUER: 'https://id.example',
  PARLEY_JWT_AUDIENCE: 'parley',
};
const devFiles = ['-env-file', 'dev.env', 'compose.yaml', 'compose.dev.yaml'];

needs('go')('compose', () => {
  let scratch = '';
  let production: ComposeProject;

  beforeAll(async () => {
    scratch = mkdtempSync(path.join(tmpdir(), 'parley-compose-'));
    production = await loadCompose(['compose.yaml'], issuer);
  }, coldLimitMs);

  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  const service = (project: ComposeProject, name: string): ComposeService => project.services[name]!;
  const nodesOf = (project: ComposeProject): [string, ComposeService][] =>
    Object.entries(project.services).filter(([name]) => name.startsWith('node-'));

  test('production starts with three nodes and what they stand on', () => {
    expect(Object.keys(production.services).toSorted()).toEqual(
      ['cassandra', 'gateway', 'gateway-files', 'node-1', 'node-2', 'node-3', 'redis'].toSorted(),
    );
  });

  test.each(Object.keys(issuer))('without %s nothing starts, and the reason is said', async (name) => {
    const others = Object.fromEntries(Object.entries(issuer).filter(([other]) => other !== name));
    await expect(loadCompose(['compose.yaml'], others)).rejects.toThrow(
      `required variable ${name} is missing a value: set`,
    );
  });

  test("a file that the specification's schema does not allow is refused, so that accepting means something", async () => {
    const file = path.join(scratch, 'wrong.yaml');
    writeFileSync(file, 'services: { node-1: { image: parley, read_olny: true } }');
    await expect(loadCompose([file])).rejects.toThrow(/read_olny/);
  });

  test('every node takes its settings, is reached by others under its own name, and may drain before it is killed', () => {
    for (const [name, node] of nodesOf(production)) {
      const { config, files } = nodeConfigOf(node.environment);
      expect(config).toMatchObject({
        PARLEY_NODE_ID: name,
        PARLEY_NODES_ADVERTISE: `${name}:7002`,
        PARLEY_DEV_KEY: false,
      });
      expect(files.toSorted()).toEqual(node.secrets?.map(({ target }) => target).toSorted());
      expect(Number.parseInt(node.stop_grace_period ?? '', 10)).toBeGreaterThanOrEqual(
        config.PARLEY_DRAIN_NOTICE_S + config.PARLEY_DRAIN_S + 10,
      );
    }
  });

  test('the gateway is stopped after the nodes, which say goodbye through it', () => {
    for (const [, node] of nodesOf(production)) expect(node.depends_on).toHaveProperty('gateway');
    expect(Object.keys(service(production, 'gateway').depends_on ?? {})).toEqual(['gateway-files']);
  });

  test('nodes wait for Redis and Cassandra themselves, so that they say what they wait for', () => {
    for (const [, node] of nodesOf(production)) expect(Object.keys(node.depends_on ?? {})).toEqual(['gateway']);
  });

  test('only the gateway is reached from outside, in the clear from this machine alone, and only nodes reach the stores', () => {
    const open = Object.entries(production.services).filter(([, { ports }]) => ports !== undefined);
    expect(open.map(([name, { ports }]) => [name, ports?.map((port) => port.host_ip)])).toEqual([
      ['gateway', ['127.0.0.1']],
    ]);
    expect(production.networks['stores']?.internal).toBe(true);
    const onStores = Object.entries(production.services).filter(([, { networks = {} }]) => 'stores' in networks);
    expect(onStores.map(([name]) => name).toSorted()).toEqual(['cassandra', 'node-1', 'node-2', 'node-3', 'redis']);
  });

  test('other services reach every node from a network of their own, where the gateway is not and leads nowhere', () => {
    for (const [, node] of nodesOf(production)) {
      expect(nodeConfigOf(node.environment).config.PARLEY_SERVICE_LISTEN).toBe('0.0.0.0:7003');
    }
    expect(production.networks['services']?.internal).toBe(true);
    const inServices = Object.entries(production.services).filter(([, { networks = {} }]) => 'services' in networks);
    expect(inServices.map(([name]) => name).toSorted()).toEqual(['node-1', 'node-2', 'node-3']);
    expect(service(production, 'gateway-files').environment['PARLEY_GATEWAY_NODES']).not.toContain('7003');
  });

  test('what is of Parley and Envoy has a read-only root and no capability', () => {
    for (const name of ['node-1', 'node-2', 'node-3', 'gateway', 'gateway-files']) {
      expect(service(production, name)).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
    }
  });

  test('dev keys are used only where the file that says so is named', async () => {
    const project = await loadCompose(devFiles);
    for (const [, node] of nodesOf(project)) {
      const { config } = nodeConfigOf(node.environment);
      expect(config).toMatchObject({
        PARLEY_DEV_KEY: true,
        PARLEY_DEV_KEY_EXPOSE: true,
        PARLEY_JWT_ISSUER: 'parley-dev',
      });
      expect(node.volumes?.map(({ target }) => target)).toContain(config.PARLEY_JWKS);
    }
  });

  test('the web app is served by every node where the file that says so is named, which asks where its tokens are', async () => {
    const files = ['compose.yaml', 'compose.web.yaml'];
    await expect(loadCompose(files, issuer)).rejects.toThrow(
      'required variable PARLEY_WEB_TOKEN_URL is missing a value: set',
    );
    const project = await loadCompose(files, { ...issuer, PARLEY_WEB_TOKEN_URL: '/token' });
    const asked = service(project, 'gateway-files').environment['PARLEY_GATEWAY_WEB']?.split(',');
    expect(asked).toEqual(
      nodesOf(project).map(([name, node]) => {
        const { config } = nodeConfigOf(node.environment);
        expect(config).toMatchObject({ PARLEY_WEB_TOKEN_URL: '/token', PARLEY_WEB_SIGN_IN_URL: '' });
        return config.PARLEY_WEB_LISTEN.replace('0.0.0.0', name);
      }),
    );
    expect(nodesOf(production).map(([, node]) => nodeConfigOf(node.environment).config.PARLEY_WEB_LISTEN)).toEqual([
      '',
      '',
      '',
    ]);
  });

  test('Envoy accepts the files that each way of starting makes', { timeout: coldLimitMs }, async () => {
    const keys = path.join(scratch, 'jwks.json');
    writeFileSync(keys, jwksOf(await makeIssuer('k', systemClock)));
    const ways = {
      production,
      tls: await loadCompose(['compose.yaml', 'compose.tls.yaml'], { ...issuer, PARLEY_TLS_FOLDER: '/somewhere' }),
      web: await loadCompose(['compose.yaml', 'compose.web.yaml'], { ...issuer, PARLEY_WEB_TOKEN_URL: '/token' }),
      dev: await loadCompose(devFiles),
    };
    for (const [way, project] of Object.entries(ways)) {
      const { environment, command } = service(project, 'gateway-files');
      const [main = ''] = command ?? [];
      const folder = path.join(scratch, way);
      const mounts = service(project, 'gateway').volumes?.map(({ target }) => target);
      expect(mounts).toContain(environment['PARLEY_GATEWAY_SEEN_AS']);
      const env = { ...environment, ...(way === 'dev' ? { PARLEY_JWKS: keys } : {}) };
      await run(process.execPath, [path.join(root, main), folder], { cwd: root, env });
      await validateGatewayFiles(folder);
    }
  });
});
