// Certificates for localhost, made with the openssl command line.
import { execFileSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import path from 'node:path';

/** Writes NAME.crt and NAME.key into the folder, replacing both by rename as certbot does. */
export function writeCertificate(folder: string, name: string, commonName: string): { cert: string; key: string } {
  const cert = path.join(folder, `${name}.crt`);
  const key = path.join(folder, `${name}.key`);
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const subject = ['-subj', `/CN=${commonName}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  execFileSync('openssl', [...args, ...subject, '-keyout', `${key}.new`, '-out', `${cert}.new`], { stdio: 'pipe' });
  renameSync(`${key}.new`, key);
  renameSync(`${cert}.new`, cert);
  return { cert, key };
}
