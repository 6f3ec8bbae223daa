import { expect, test } from 'vitest';
import { startEchoNode } from './support/echo-node.ts';
import { startGateway } from './support/gateway.ts';

const page = 'http://localhost:5173';
/** A gRPC frame without compression and without content. */
const emptyMessage = Buffer.from([0, 0, 0, 0, 0]);

function post(address: string, headers: Record<string, string>): Promise<Response> {
  return fetch(`http://${address}/parley.v1.Echo/Say`, {
    method: 'POST',
    headers: { origin: page, 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1', ...headers },
    body: emptyMessage,
  });
}

test('a page calls over grpc-web and gets message and trailers', async () => {
  await using node = await startEchoNode();
  await using gateway = await startGateway([node.address]);
  const response = await post(gateway.address, { authorization: `Bearer ${await gateway.issuer.token()}` });
  expect(response.headers.get('access-control-allow-origin')).toBe(page);
  expect(response.headers.get('content-type')).toContain('application/grpc-web+proto');
  const body = Buffer.from(await response.arrayBuffer());
  const length = body.readUInt32BE(1);
  expect(JSON.parse(body.subarray(5, 5 + length).toString())).toMatchObject({ 'x-parley-user': 'alice' });
  const trailers = body.subarray(5 + length);
  expect(trailers[0]).toBe(0x80);
  expect(trailers.toString()).toContain('grpc-status:0');
});

test('a page without a token can read that it was refused, and why', async () => {
  await using node = await startEchoNode();
  await using gateway = await startGateway([node.address]);
  const response = await post(gateway.address, {});
  expect(response.headers.get('grpc-status')).toBe('16');
  expect(response.headers.get('grpc-message')).toContain('Send a token');
  const details = Buffer.from(response.headers.get('grpc-status-details-bin') ?? '', 'base64').toString();
  expect(details).toContain('TOKEN_MISSING');
  const readable = response.headers.get('access-control-expose-headers');
  expect(readable?.split(',')).toEqual(['grpc-status', 'grpc-message', 'grpc-status-details-bin']);
});

test('the preflight of a known origin is answered without a token, of another origin with nothing', async () => {
  await using node = await startEchoNode();
  await using gateway = await startGateway([node.address], {
    webOrigins: ['https://app.example', 'http://localhost:*'],
  });
  const preflight = (origin: string): Promise<Response> =>
    fetch(`http://${gateway.address}/parley.v1.Echo/Say`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,x-grpc-web',
      },
    });
  for (const origin of [page, 'http://localhost', 'https://app.example']) {
    const { headers, status } = await preflight(origin);
    expect([status, headers.get('access-control-allow-origin')]).toEqual([200, origin]);
    expect(headers.get('access-control-allow-headers')).toContain('authorization');
  }
  for (const origin of ['https://evil.example', 'http://localhost.evil.example', 'https://app.example.evil']) {
    expect((await preflight(origin)).headers.get('access-control-allow-origin')).toBeNull();
  }
  expect(node.calls).toBe(0);
});
