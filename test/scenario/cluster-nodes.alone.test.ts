// What nodes ask of one another is for nodes only: their port takes nobody else, and no other way leads there.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ChannelCredentials, Client, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EndReason, NodeServiceService } from '#proto/parley/internal/v1/node_service.ts';
import { bearer } from '../../clients/node/stream.ts';
import { type Cluster, startCluster } from '../../platform/cluster.ts';
import type { NodeHandle } from '../../platform/node-handle.ts';
import { writeCertificate } from '../gateway/support/certificate.ts';
import { needs } from '../support/skip.ts';

const { path: method, requestSerialize, responseDeserialize } = NodeServiceService.endSession;
const request = { sessionId: 'n1.nobody', userId: 'nobody', reason: EndReason.END_REASON_SUPERSEDED };

/** The code that a call is answered with; nobody hears it twice. */
async function codeOf(target: string, credentials: ChannelCredentials, token = ''): Promise<string> {
  const options = { 'grpc.ssl_target_name_override': 'parley-node', 'grpc.enable_retries': 0 };
  const client = new Client(target, credentials, options);
  const code = await new Promise<number>((resolve) => {
    const deadline = Date.now() + 10_000;
    client.makeUnaryRequest(
      method,
      requestSerialize,
      responseDeserialize,
      request,
      bearer(token),
      { deadline },
      (error) => resolve((error as ServiceError | null)?.code ?? status.OK),
    );
  });
  client.close();
  return status[code] ?? String(code);
}

/** Where the node listens for others, as it has logged. */
function portOf(node: NodeHandle): string {
  const lines = readFileSync(node.logFile, 'utf8').split('\n');
  const line = lines.find((one) => one.includes('listening for other nodes')) ?? '{}';
  return (JSON.parse(line) as { address: string }).address;
}

needs(
  'redis',
  'cassandra',
  'openssl',
)("the nodes' own port", () => {
  let cluster: Cluster;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'parley-strangers-'));
    cluster = await startCluster({ redis: 'one', nodes: 2, env: { PARLEY_DRAIN_NOTICE_S: '0' } });
  }, 240_000);
  afterAll(async () => {
    await cluster.stop();
    rmSync(folder, { recursive: true });
  });

  test('answers nodes, and nobody without a certificate of their authority', async () => {
    const certs = path.join(cluster.platform.dataDir, 'node-certs');
    const [ca, cert, key] = ['ca.crt', 'n1.crt', 'n1.key'].map((file) => readFileSync(path.join(certs, file)));
    const files = writeCertificate(folder, 'stranger', 'parley-node');
    const stranger = [files.key, files.cert].map((file) => readFileSync(file)) as [Buffer, Buffer];
    for (const node of cluster.platform.nodes) {
      const port = portOf(node);
      expect(await codeOf(port, ChannelCredentials.createSsl(ca, key, cert))).toBe('OK');
      expect(await codeOf(port, ChannelCredentials.createInsecure())).toBe('UNAVAILABLE');
      expect(await codeOf(port, ChannelCredentials.createSsl(ca!))).toBe('UNAVAILABLE');
      expect(await codeOf(port, ChannelCredentials.createSsl(ca!, ...stranger))).toBe('UNAVAILABLE');
    }
  });

  test('is reached by no other way: neither the gateway nor the port for clients serves its calls', async () => {
    const { gateway, envoy, nodes } = cluster.platform;
    const token = await cluster.platform.token('alice');
    for (const target of [gateway, ...nodes.map(({ address }) => address)]) {
      expect(await codeOf(target, ChannelCredentials.createInsecure(), token)).toBe('UNIMPLEMENTED');
    }
    const known = await (await fetch(`http://${envoy?.admin}/config_dump?include_eds`)).text();
    for (const node of nodes) {
      expect(known).toContain(`"port_value": ${node.address.split(':')[1]}`);
      expect(known).not.toContain(`"port_value": ${portOf(node).split(':')[1]}`);
    }
  });
});
