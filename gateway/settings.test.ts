import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { gatewaySettingsTable, readGatewaySettings } from './settings.ts';

const least = {
  PARLEY_GATEWAY_NODES: 'nodes:7000',
  PARLEY_JWKS: 'https://id.example/jwks.json',
  PARLEY_JWT_ISSUER: 'https://id.example',
  PARLEY_JWT_AUDIENCE: 'parley',
};

test('with the least that must be said the gateway listens everywhere, in the clear, and finds its nodes by name', async () => {
  expect(await readGatewaySettings(least)).toEqual({
    address: '0.0.0.0',
    port: 8080,
    adminPort: 9901,
    nodes: ['nodes:7000'],
    nodesBy: 'dns',
    web: [],
    auth: { issuer: 'https://id.example', audience: 'parley', jwks: { url: 'https://id.example/jwks.json' } },
    webOrigins: [],
    accessLog: '-',
    maxHeapBytes: 1024 ** 3,
    maxConnections: 10_000,
  });
});

test.each(Object.keys(least))('without %s nothing is written, and the reason is said', async (name) => {
  await expect(readGatewaySettings({ ...least, [name]: '' })).rejects.toThrow(`${name} is required: `);
});

test.each([
  [{ PARLEY_GATEWAY_NODE: 'a:1' }, 'no such setting: PARLEY_GATEWAY_NODE'],
  [{ PARLEY_GATEWAY_NODES_BY: 'guess' }, 'must be dns, file or list'],
  [{ PARLEY_GATEWAY_LISTEN: '8080' }, 'must be IP:port'],
  [{ PARLEY_GATEWAY_MAX_HEAP_MIB: '1.5' }, 'must be a whole number'],
  [{ PARLEY_TLS_CERT: '/tls/tls.crt' }, 'both PARLEY_TLS_CERT and PARLEY_TLS_KEY'],
  [{ PARLEY_JWKS: '/nowhere/jwks.json' }, 'has no keys'],
  [{ PARLEY_WEB_ORIGINS: 'https://app.example/' }, 'PARLEY_WEB_ORIGINS: "https://app.example/" is no origin'],
])('%j is refused', async (wrong, reason) => {
  await expect(readGatewaySettings({ ...least, ...wrong })).rejects.toThrow(reason);
});

test('settings of the node and of the launcher beside them are left alone', async () => {
  const { nodes } = await readGatewaySettings({ ...least, PARLEY_DRAIN_S: '20', PARLEY_PORT: '1' });
  expect(nodes).toEqual(['nodes:7000']);
});

test('README.md has the table of settings', () => {
  expect(readFileSync(path.join(import.meta.dirname, 'README.md'), 'utf8')).toContain(gatewaySettingsTable());
});
