// What stands behind the gateway in its own tests: a gRPC server that says what reached it. The gateway is the subject
// here; chat through a real node is tested elsewhere.
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { sendUnaryData, ServerDuplexStream, ServerUnaryCall, ServiceDefinition } from '@grpc/grpc-js';

export interface EchoNode extends AsyncDisposable {
  /** host:port */
  readonly address: string;
  /** Answered calls of Echo.Say so far. */
  readonly calls: number;
  /** That many floods were begun and all wait until their reader takes more. */
  isHeldBack(floods: number): boolean;
  /** Health checks are answered NOT_SERVING from now on, or SERVING again. */
  serving: boolean;
}

const pass = (bytes: Buffer): Buffer => bytes;

function method(path: string, stream: boolean): ServiceDefinition[string] {
  return {
    path,
    requestStream: stream,
    responseStream: stream,
    requestSerialize: pass,
    requestDeserialize: pass,
    responseSerialize: pass,
    responseDeserialize: pass,
  };
}

/** Say answers the metadata it got, as JSON with the node's address. Flow answers every message, or sends as many bytes as asked. */
export async function startEchoNode(port = 0): Promise<EchoNode> {
  const server = new Server({ 'grpc.max_concurrent_streams': 100_000 });
  const state = { calls: 0, serving: true, address: '' };
  const floods = new Set<ServerDuplexStream<Buffer, Buffer>>();
  type Unary = ServerUnaryCall<Buffer, Buffer>;
  type Answer = sendUnaryData<Buffer>;
  server.addService(
    { check: method('/grpc.health.v1.Health/Check', false) },
    // HealthCheckResponse{status: SERVING or NOT_SERVING}
    { check: (_call: Unary, answer: Answer) => answer(null, Buffer.from([8, state.serving ? 1 : 2])) },
  );
  server.addService(
    { say: method('/parley.v1.Echo/Say', false), flow: method('/parley.v1.Echo/Flow', true) },
    {
      say: (call: Unary, answer: Answer) => {
        state.calls += 1;
        answer(null, Buffer.from(JSON.stringify({ ...call.metadata.getMap(), node: state.address })));
      },
      flow: (call: ServerDuplexStream<Buffer, Buffer>) => {
        call.on('data', (message: Buffer) => flow(call, message, floods));
        call.on('end', () => call.end());
        call.on('error', () => {});
      },
    },
  );
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, at) =>
      error ? reject(error) : resolve(at),
    );
  });
  state.address = `127.0.0.1:${bound}`;
  const isHeldBack = (count: number): boolean =>
    floods.size === count && [...floods].every((call) => call.writableNeedDrain);
  return Object.assign(state, { isHeldBack, [Symbol.asyncDispose]: async () => server.forceShutdown() });
}

/** "flood" starts sending 16 KiB messages as fast as they are taken; anything else is answered as it is. */
function flow(call: ServerDuplexStream<Buffer, Buffer>, message: Buffer, floods: Set<typeof call>): void {
  if (message.toString() !== 'flood') {
    call.write(message);
    return;
  }
  const chunk = Buffer.alloc(16 * 1024);
  const more = (): void => {
    while (call.writable && call.write(chunk)) {
      // Until it says to wait for 'drain'.
    }
  };
  floods.add(call);
  call.on('drain', more);
  more();
}
