import { copyFileSync, mkdtempSync, readFileSync, renameSync as renameOver, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { credentials } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { watchCertificate } from '../../platform/keys.ts';
import { Caller } from './support/caller.ts';
import { writeCertificate } from './support/certificate.ts';
import { startEchoNode } from './support/echo-node.ts';
import { startGateway } from './support/gateway.ts';

function tempFolder(): Disposable & { readonly path: string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'parley-tls-'));
  return { path: folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
}

/** What a new connection is shown. */
async function shown(
  address: string,
  options: { ALPNProtocols?: string[]; maxVersion?: 'TLSv1.1' } = {},
): Promise<{
  name: string | undefined;
  protocol: string | false | null;
}> {
  const [host, port] = address.split(':');
  const socket = await new Promise<TLSSocket>((resolve, reject) => {
    const opened = connect(
      { host, port: Number(port), rejectUnauthorized: false, ALPNProtocols: ['h2'], ...options },
      () => resolve(opened),
    );
    opened.on('error', reject);
  });
  const result = { name: socket.getPeerCertificate().subject.CN as string | undefined, protocol: socket.alpnProtocol };
  socket.destroy();
  return result;
}

test('with two settings the gateway speaks TLS, HTTP/2 by ALPN, and nothing in the clear', async () => {
  using folder = tempFolder();
  const tls = writeCertificate(folder.path, 'gateway', 'one');
  await using node = await startEchoNode();
  await using gateway = await startGateway([node.address], { tls });
  const token = await gateway.issuer.token();

  expect(await shown(gateway.address)).toEqual({ name: 'one', protocol: 'h2' });
  expect((await shown(gateway.address, { ALPNProtocols: ['http/1.1'] })).protocol).toBe('http/1.1');
  using caller = new Caller(gateway.address, credentials.createSsl(readFileSync(tls.cert)));
  expect(await caller.say(token)).toMatchObject({ 'x-parley-user': 'alice', 'x-forwarded-proto': 'https' });
  using plain = new Caller(gateway.address);
  expect((await plain.refusal(plain.say(token))).code).toBe('UNAVAILABLE');
  await expect(shown(gateway.address, { maxVersion: 'TLSv1.1' })).rejects.toThrow(/TLS|SSL|protocol/i);
});

const replacements = [
  ['replaced by rename, without the launcher', false, renameOver],
  ['overwritten, beside the launcher', true, copyFileSync],
] as const;

test.each(replacements)(
  'a certificate that is %s is shown to new connections, while open streams go on',
  async (...row) => {
    const [, hasLauncher, replace] = row;
    using folder = tempFolder();
    const tls = writeCertificate(folder.path, 'gateway', 'one');
    const next = writeCertificate(folder.path, 'next', 'two');
    await using node = await startEchoNode();
    const watchedFolder = mkdtempSync(path.join(folder.path, 'watched-'));
    await using gateway = await startGateway([node.address], { tls: hasLauncher ? { ...tls, watchedFolder } : tls });
    using watching = hasLauncher ? watchCertificate(tls, watchedFolder) : undefined;
    expect(watching !== undefined).toBe(hasLauncher);
    using caller = new Caller(gateway.address, credentials.createSsl(readFileSync(tls.cert)));
    await using stream = caller.flow(await gateway.issuer.token());
    stream.write('before');
    await expect.poll(() => stream.answers).toEqual(['before']);

    replace(next.key, tls.key);
    replace(next.cert, tls.cert);
    await expect.poll(async () => (await shown(gateway.address)).name, { timeout: 10_000 }).toBe('two');

    stream.write('after');
    await expect.poll(() => stream.answers).toEqual(['before', 'after']);
  },
);
