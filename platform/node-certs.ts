// What the nodes of a deployment know one another by: an authority that only they have, and a certificate of it for each.
import { execFile } from 'node:child_process';
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

export interface NodeCertificate {
  /** PEM text. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** The name that all nodes' certificates are for; PARLEY_NODES_TLS_NAME's default. */
const serverName = 'parley-node';
const authorityDays = 3_650;
const nodeDays = 825;
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** The certificate of one node; what is not in the folder yet is made there, keys readable by the owner only. */
export async function nodeCertificate(folder: string, nodeId: string): Promise<NodeCertificate> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const at = (name: string): string => path.join(folder, name);
  const authority = { cert: at('ca.crt'), key: at('ca.key') };
  if (!(await exists(authority.cert))) {
    const subject = ['-x509', '-days', String(authorityDays), '-subj', '/CN=Parley nodes'];
    await openssl(['req', ...newKey, ...subject, '-keyout', authority.key, '-out', authority.cert]);
  }
  const node = { cert: at(`${nodeId}.crt`), key: at(`${nodeId}.key`) };
  if (!(await exists(node.cert))) {
    const [request, extensions] = [at(`${nodeId}.csr`), at(`${nodeId}.ext`)];
    await openssl(['req', ...newKey, '-subj', `/CN=${nodeId}`, '-keyout', node.key, '-out', request]);
    await writeFile(extensions, `subjectAltName=DNS:${serverName}\nextendedKeyUsage=serverAuth,clientAuth\n`);
    const signed = ['-CA', authority.cert, '-CAkey', authority.key, '-CAcreateserial', '-days', String(nodeDays)];
    await openssl(['x509', '-req', '-in', request, ...signed, '-extfile', extensions, '-out', node.cert]);
    await Promise.all([request, extensions].map((file) => rm(file)));
  }
  const [ca, cert, key] = await Promise.all(
    [authority.cert, node.cert, node.key].map((file) => readFile(file, 'utf8')),
  );
  return { ca: ca ?? '', cert: cert ?? '', key: key ?? '' };
}

async function openssl(args: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)('openssl', args);
  } catch (error) {
    throw new Error(`openssl ${args[0]} did not make a certificate: ${(error as Error).message}`, { cause: error });
  }
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
