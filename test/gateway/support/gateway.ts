// A gateway of its own for a test: Envoy with the real configuration, on free ports, in a temporary folder.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AuthSettings, GatewaySettings } from '../../../gateway/render.ts';
import { startEnvoy } from '../../../platform/envoy.ts';
import type { RunningEnvoy } from '../../../platform/envoy.ts';
import { freePort } from '../../../platform/ports.ts';
import { goodAudience, goodIssuer, jwksOf, makeIssuer } from '../../../server/auth/fixtures.ts';
import type { TestIssuer } from '../../../server/auth/fixtures.ts';
import { systemClock } from '../../../server/core/clock.ts';

export interface TestGateway extends AsyncDisposable {
  readonly address: string;
  readonly envoy: RunningEnvoy;
  readonly folder: string;
  readonly accessLog: string;
  readonly auth: AuthSettings;
  /** Signs with the key that the gateway knows. */
  readonly issuer: TestIssuer;
}

export async function startGateway(
  nodes: readonly string[],
  changes: Partial<GatewaySettings> = {},
): Promise<TestGateway> {
  const folder = await mkdtemp(path.join(tmpdir(), 'parley-gateway-'));
  const issuer = await makeIssuer('k1', systemClock);
  const auth = { issuer: goodIssuer, audience: goodAudience, jwks: { text: jwksOf(issuer) } };
  const settings: GatewaySettings = {
    address: '127.0.0.1',
    port: await freePort(),
    adminPort: await freePort(),
    nodes,
    auth,
    webOrigins: ['http://localhost:*'],
    accessLog: path.join(folder, 'access.log'),
    maxHeapBytes: 1024 ** 3,
    maxConnections: 5000,
    ...changes,
  };
  const envoy = await startEnvoy(folder, path.join(folder, 'envoy.log'), settings).catch(async (error: unknown) => {
    await rm(folder, { recursive: true });
    throw error;
  });
  return {
    address: envoy.gateway,
    envoy,
    folder,
    accessLog: settings.accessLog,
    auth: settings.auth,
    issuer,
    async [Symbol.asyncDispose]() {
      await envoy.child.end('SIGTERM', 5000);
      await rm(folder, { recursive: true });
    },
  };
}
