// The one call that needs no token, made the way a client would make it: what it answers, clients get.
import { once } from 'node:events';
import { connect } from 'node:http2';

/** gRPC's prefix of an empty message: not compressed, no bytes. */
const emptyMessage = Buffer.from([0, 0, 0, 0, 0]);
const withinMs = 3000;

/** True when grpc.health.v1.Health/Check, on a connection of its own, is answered OK. `url` is http://… or https://…. */
export async function isHealthServed(url: string): Promise<boolean> {
  // The certificate is of no concern here: whether clients trust it is between them and the deployment.
  const session = connect(url, { rejectUnauthorized: false });
  session.setTimeout(withinMs, () => session.destroy(new Error('no answer')));
  try {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    let status: unknown;
    stream.on('response', (headers) => (status ??= headers['grpc-status']));
    stream.on('trailers', (trailers) => (status ??= trailers['grpc-status']));
    stream.resume().end(emptyMessage);
    await Promise.race([once(stream, 'close'), once(session, 'close')]);
    return status === '0';
  } catch {
    return false;
  } finally {
    session.destroy();
  }
}
