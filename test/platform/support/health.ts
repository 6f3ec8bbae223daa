import { Client, credentials, status } from '@grpc/grpc-js';

const pass = (bytes: Buffer): Buffer => bytes;

/** What grpc.health.v1.Health says; throws an Error with the name of the gRPC status. */
export async function checkHealth(address: string): Promise<'SERVING' | 'NOT_SERVING'> {
  const client = new Client(address, credentials.createInsecure(), { 'grpc.enable_retries': 0 });
  try {
    const answer = await new Promise<Buffer>((resolve, reject) => {
      client.makeUnaryRequest('/grpc.health.v1.Health/Check', pass, pass, Buffer.alloc(0), (error, value) => {
        if (error) reject(new Error(`${status[error.code]}: ${error.details}`));
        else resolve(value ?? Buffer.alloc(0));
      });
    });
    return answer[1] === 1 ? 'SERVING' : 'NOT_SERVING';
  } finally {
    client.close();
  }
}
