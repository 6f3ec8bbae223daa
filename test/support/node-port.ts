// The port that nodes have for one another, as a stranger comes to it.
import { readFileSync } from 'node:fs';
import { type ChannelCredentials, Client, type ServiceError, status } from '@grpc/grpc-js';
import { EndReason, NodeServiceService } from '#proto/parley/internal/v1/node_service.ts';
import { bearer } from '../../clients/node/stream.ts';
import type { NodeHandle } from '../../platform/node-handle.ts';

const { path: method, requestSerialize, responseDeserialize } = NodeServiceService.endSession;
const request = { sessionId: 'n1.nobody', userId: 'nobody', reason: EndReason.END_REASON_SUPERSEDED };

/** The name of the status code that a call of NodeService is answered with. */
export async function codeOf(target: string, credentials: ChannelCredentials, token = ''): Promise<string> {
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
export function portOf(node: NodeHandle): string {
  const lines = readFileSync(node.logFile, 'utf8').split('\n');
  const line = lines.find((one) => one.includes('listening for other nodes')) ?? '{}';
  return (JSON.parse(line) as { address: string }).address;
}
