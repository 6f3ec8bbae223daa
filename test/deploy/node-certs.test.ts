import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { X509Certificate } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { root } from '../interop/toolchain.ts';
import { readConfig } from '../../server/config.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'parley-node-certs-'));
const text = (name: string): string => readFileSync(path.join(folder, name), 'utf8');
const make = (...args: string[]): string =>
  execFileSync(path.join(root, 'deploy/make-node-certs.sh'), [folder, ...args], { encoding: 'utf8', stdio: 'pipe' });

afterAll(() => rmSync(folder, { recursive: true }));

test('the script makes an authority and a certificate that nodes know each other by, and a rotation keeps the authority', () => {
  expect(make()).toContain('made the authority');
  const authority = new X509Certificate(text('ca.crt'));
  const first = new X509Certificate(text('tls.crt'));
  const name = readConfig({ PARLEY_JWKS: 'x', PARLEY_JWT_ISSUER: 'x', PARLEY_JWT_AUDIENCE: 'x' }).PARLEY_NODES_TLS_NAME;
  expect(first.verify(authority.publicKey)).toBe(true);
  expect(first.checkHost(name)).toBe(name);
  expect(first.keyUsage?.toSorted()).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  expect(first.ca).toBe(false);

  expect(make('30')).not.toContain('made the authority');
  const second = new X509Certificate(text('tls.crt'));
  expect(second.verify(authority.publicKey)).toBe(true);
  expect(second.serialNumber).not.toBe(first.serialNumber);
  expect(Date.parse(second.validTo)).toBeLessThan(Date.parse(first.validTo));
  for (const key of ['ca.key', 'tls.key']) expect(statSync(path.join(folder, key)).mode & 0o077).toBe(0);
});
