// Unary calls of the launcher's own, to the nodes that it started.
import { type Client, Metadata } from '@grpc/grpc-js';

/** A unary call, as generated. */
export interface Unary<Q, A> {
  readonly path: string;
  requestSerialize(value: Q): Buffer;
  responseDeserialize(bytes: Buffer): A;
}

const callMs = 10_000;

/** Makes one call with a bearer token. Rejects with the ServiceError. */
export function unary<Q, A>(client: Client, method: Unary<Q, A>, request: Q, token: string): Promise<A> {
  const { path, requestSerialize, responseDeserialize } = method;
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return new Promise((resolve, reject) => {
    const options = { deadline: Date.now() + callMs };
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      options,
      (error, answer) => {
        if (error === null && answer !== undefined) resolve(answer);
        else reject(error ?? new Error(`${path} had no answer`));
      },
    );
  });
}
