import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { writeGateway } from '../../gateway/render.ts';
import type { GatewaySettings } from '../../gateway/render.ts';
import { locateEnvoy } from '../../platform/install/envoy.mjs';
import { writeCertificate } from './support/certificate.ts';

const plain: GatewaySettings = {
  address: '127.0.0.1',
  port: 8080,
  adminPort: 9901,
  nodes: ['127.0.0.1:5001'],
  auth: { issuer: 'https://id.example', audience: 'parley', jwks: { text: '{"keys":[]}' } },
  webOrigins: ['https://app.example', 'http://localhost:*'],
  accessLog: '/dev/null',
  maxHeapBytes: 1024 ** 3,
  maxConnections: 10_000,
};
const fetched = (url: string): GatewaySettings['auth'] => ({ ...plain.auth, jwks: { url } });

const variants: Readonly<Record<string, Partial<GatewaySettings>>> = {
  'in the clear': {},
  'with TLS': { tls: { cert: 'gateway.crt', key: 'gateway.key' } },
  'with keys from an https URL': { auth: fetched('https://id.example/.well-known/jwks.json') },
  'with keys from an http URL and a port': { auth: fetched('http://127.0.0.1:8000/jwks.json') },
  'with keys behind an own certificate authority': {
    auth: { ...fetched('https://id.example/jwks.json'), caFile: 'gateway.crt' },
  },
  'with three nodes on all addresses': {
    address: '0.0.0.0',
    nodes: ['127.0.0.1:5001', '127.0.0.2:5001', '127.0.0.3:5001'],
  },
  'with nodes told by file': { nodes: ['127.0.0.1:5001', '127.0.0.2:5001'], nodesBy: 'file' },
  'with no node yet in the file': { nodes: [], nodesBy: 'file' },
  'with the access log on standard output': { accessLog: '-' },
  'with nodes that have names': { nodes: ['parley-nodes:7000'], nodesBy: 'dns' },
};

async function validate(settings: GatewaySettings): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'parley-render-'));
  try {
    writeCertificate(folder, 'gateway', 'localhost');
    const at = (file: string): string => path.join(folder, file);
    const { tls, auth } = settings;
    const config = await writeGateway(folder, {
      ...settings,
      ...(tls ? { tls: { cert: at(tls.cert), key: at(tls.key) } } : {}),
      auth: { ...auth, ...(auth.caFile === undefined ? {} : { caFile: at(auth.caFile) }) },
    });
    const envoy = locateEnvoy() ?? '';
    execFileSync(envoy, ['--mode', 'validate', '-c', config, '--disable-hot-restart'], { stdio: 'pipe' });
    return await readFile(config, 'utf8');
  } finally {
    await rm(folder, { recursive: true });
  }
}

test.each(Object.entries(variants))('Envoy accepts the configuration %s', async (_name, changes) => {
  expect(await validate({ ...plain, ...changes })).toContain('envoy.filters.http.router');
});

test('Envoy refuses a configuration that is wrong, so that accepting means something', async () => {
  await expect(validate({ ...plain, port: 99_999 })).rejects.toThrow('port_value');
});

test('a node address that is no IPv4 address and port is refused before Envoy sees it', async () => {
  await expect(validate({ ...plain, nodes: ['localhost:1'] })).rejects.toThrow('IPv4:port');
  await expect(validate({ ...plain, nodes: ['localhost:1'], nodesBy: 'file' })).rejects.toThrow('IPv4:port');
  await expect(validate({ ...plain, nodes: ['a b:1'], nodesBy: 'dns' })).rejects.toThrow('name:port');
});
