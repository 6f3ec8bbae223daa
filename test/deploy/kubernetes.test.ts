import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { coldLimitMs, root, run } from '../interop/toolchain.ts';
import { needs } from '../support/skip.ts';
import { validateGatewayFiles } from './support/envoy-files.ts';
import { nodeConfigOf } from './support/node-settings.ts';
import { buildKustomization, readYaml, validateManifests } from './support/tools.ts';

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec: Record<string, never>;
}

interface Container {
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly [field: string]: unknown;
}

/** The part of a Deployment that is looked at here. */
interface Deployment {
  readonly strategy: { readonly rollingUpdate: object };
  readonly template: {
    readonly metadata: { readonly labels: Readonly<Record<string, string>> };
    readonly spec: {
      readonly terminationGracePeriodSeconds: number;
      readonly securityContext: object;
      readonly affinity: { readonly podAntiAffinity?: object };
      readonly topologySpreadConstraints: readonly { readonly topologyKey: string }[];
      readonly containers: readonly [Container];
    };
  };
}

needs('go', 'python')('the manifests for Kubernetes', () => {
  let scratch = '';
  let applied = '';
  let manifests: readonly Manifest[] = [];

  beforeAll(async () => {
    scratch = mkdtempSync(path.join(tmpdir(), 'parley-kubernetes-'));
    const example = path.join(scratch, 'deploy/kubernetes/example');
    cpSync(path.join(root, 'deploy/kubernetes'), path.join(scratch, 'deploy/kubernetes'), { recursive: true });
    rmSync(path.join(example, 'gateway'), { recursive: true, force: true });
    symlinkSync(path.join(root, 'gateway'), path.join(scratch, 'gateway'));
    const pinned = `${path.dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;
    await run(path.join(example, 'render.sh'), [], { cwd: example, env: { PATH: pinned } });
    applied = path.join(scratch, 'applied.yaml');
    writeFileSync(applied, await buildKustomization(example));
    manifests = (await readYaml(applied)) as Manifest[];
  }, coldLimitMs);

  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  const one = (kind: string, name: string): Manifest => {
    const found = manifests.find(
      (it) => it.kind === kind && new RegExp(`^${name}(-[a-z0-9]{10})?$`).test(it.metadata.name),
    );
    if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
    return found;
  };
  const deployment = (name: string): Deployment => one('Deployment', name).spec as unknown as Deployment;
  const names = ['parley-node', 'parley-gateway'];
  const nodeEnv = (): Record<string, string> => {
    const [container] = deployment('parley-node').template.spec.containers;
    const direct = (container.env ?? []).map(({ name, value = 'filled in' }) => [
      name,
      value.replace('$(POD_IP)', '10.0.0.7'),
    ]);
    return { ...one('ConfigMap', 'parley-node').data, ...(Object.fromEntries(direct) as Record<string, string>) };
  };

  test(
    "fit the schemas of Kubernetes' API, without a field that they do not know",
    { timeout: coldLimitMs },
    async () => {
      await validateManifests(applied);
    },
  );

  test('are refused when a field is unknown or of another type, so that fitting means something', async () => {
    const text = readFileSync(applied, 'utf8');
    for (const [right, wrong] of [
      ['terminationGracePeriodSeconds: 60', 'terminationGracePeriodSecond: 60'],
      ['maxUnavailable: 1', 'maxUnavailable: {}'],
    ] as const) {
      expect(text).toContain(right);
      const file = path.join(scratch, 'wrong.yaml');
      writeFileSync(file, text.replace(right, wrong));
      await expect(validateManifests(file)).rejects.toThrow(/not valid|unexpected|not allowed/i);
    }
  });

  test('give every node settings that it takes', () => {
    const { config, files } = nodeConfigOf(nodeEnv());
    expect(config).toMatchObject({ PARLEY_STORE: 'cassandra', PARLEY_NODES_ADVERTISE: '10.0.0.7:7002' });
    const [container] = deployment('parley-node').template.spec.containers;
    const mounts = (container['volumeMounts'] as { mountPath: string }[]).map(({ mountPath }) => mountPath);
    expect(files.filter((file) => !mounts.some((mount) => file.startsWith(`${mount}/`)))).toEqual([]);
    expect(mounts).toContain('/data');
  });

  test('let a node drain before it is killed', () => {
    const { config } = nodeConfigOf(nodeEnv());
    const { terminationGracePeriodSeconds } = deployment('parley-node').template.spec;
    expect(terminationGracePeriodSeconds).toBeGreaterThanOrEqual(
      config.PARLEY_DRAIN_NOTICE_S + config.PARLEY_DRAIN_S + 10,
    );
  });

  test('ask for liveness what knows nothing of the stores, and for readiness what does', () => {
    const [node] = deployment('parley-node').template.spec.containers;
    expect(node['livenessProbe']).toMatchObject({ httpGet: { path: '/healthz', port: 'metrics' } });
    expect(node['readinessProbe']).toMatchObject({ httpGet: { path: '/readyz', port: 'metrics' } });
    expect(node).not.toHaveProperty('startupProbe');
  });

  test.each(names)('keep %s running while machines and versions change', (name) => {
    const { strategy, template } = deployment(name);
    expect(strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    expect(one('PodDisruptionBudget', name).spec).toMatchObject({ maxUnavailable: 1 });
    const { podAntiAffinity } = template.spec.affinity;
    const label = template.metadata.labels['app.kubernetes.io/name'];
    expect(JSON.stringify(podAntiAffinity)).toContain(`"app.kubernetes.io/name":"${label}"`);
    expect(template.spec.topologySpreadConstraints.map(({ topologyKey }) => topologyKey)).toContain(
      'topology.kubernetes.io/zone',
    );
  });

  test.each(names)('let %s do nothing that it needs not', (name) => {
    const { securityContext, containers } = deployment(name).template.spec;
    expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
    expect(containers[0]['securityContext']).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  type Selector = { matchLabels: Record<string, string> };
  const whoReaches = (wanted: number): { podSelector?: Selector; namespaceSelector?: Selector }[] => {
    const { ingress } = one('NetworkPolicy', 'parley-node').spec as unknown as {
      ingress: { from: { podSelector?: Selector; namespaceSelector?: Selector }[]; ports: { port: number }[] }[];
    };
    return ingress.filter(({ ports }) => ports.some(({ port }) => port === wanted)).flatMap(({ from }) => from);
  };

  test('close the port between nodes to everybody else', () => {
    expect(whoReaches(7002).map((it) => it.podSelector?.matchLabels['app.kubernetes.io/name'])).toEqual([
      'parley-node',
    ]);
  });

  test('open the port of services inside the cluster, with TLS, to those that are marked, and not through the gateway', () => {
    const { config } = nodeConfigOf(nodeEnv());
    expect(config.PARLEY_SERVICE_LISTEN).toBe('0.0.0.0:7003');
    expect(config.PARLEY_SERVICE_TLS_CERT).not.toBe('');
    expect(one('Service', 'parley-services').spec).toMatchObject({
      clusterIP: 'None',
      selector: { 'app.kubernetes.io/name': 'parley-node' },
      ports: [{ port: 7003, targetPort: 'services' }],
    });
    expect(whoReaches(7003)).toEqual([{ namespaceSelector: { matchLabels: { 'parley-services': 'true' } } }]);
    expect(one('ConfigMap', 'parley-gateway').data?.['envoy.yaml']).not.toMatch(/7003|parley-services/);
  });

  test('let the gateway, and nobody else, fetch the web app from the nodes, whose addresses it finds by the same name', () => {
    const { config } = nodeConfigOf(nodeEnv());
    expect(config.PARLEY_WEB_LISTEN).toBe('0.0.0.0:7004');
    expect(config.PARLEY_WEB_TOKEN_URL).not.toBe('');
    expect(whoReaches(7004)).toEqual(whoReaches(7000));
    expect(whoReaches(7004).map((it) => it.podSelector?.matchLabels['app.kubernetes.io/name'])).toEqual([
      'parley-gateway',
    ]);
    expect(one('ConfigMap', 'parley-gateway').data?.['envoy.yaml']).toMatch(
      /"address": "parley-nodes",\s*"port_value": 7004|parley-nodes[^}]*7004/,
    );
  });

  test('find nodes by a headless service, ready or not, since the gateway asks them itself', () => {
    expect(one('Service', 'parley-nodes').spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true });
    expect(one('ConfigMap', 'parley-gateway').data?.['envoy.yaml']).toContain('"parley-nodes"');
  });

  test('hold a gateway that Envoy accepts', { timeout: coldLimitMs }, async () => {
    const folder = path.join(scratch, 'gateway-files');
    await mkdir(folder);
    const files = { ...one('ConfigMap', 'parley-gateway').data, ...one('ConfigMap', 'parley-gateway-keys').data };
    expect(Object.keys(files).toSorted()).toEqual(['auth.yaml', 'envoy.yaml', 'tls.yaml']);
    for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
    await validateGatewayFiles(folder);
  });

  test('give new keys to running gateways, and restart them for everything else', () => {
    expect(one('ConfigMap', 'parley-gateway-keys').metadata.name).toBe('parley-gateway-keys');
    expect(one('ConfigMap', 'parley-gateway').metadata.name).toMatch(/-[a-z0-9]{10}$/);
  });
});
