import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { locateEnvoy } from '../../../platform/install/envoy.mjs';
import { writeCertificate } from '../../gateway/support/certificate.ts';
import { root, run } from '../../interop/toolchain.ts';

/** Where a deployment mounts the gateway's files and its certificate. */
const mounts = { files: '/etc/parley', tls: '/etc/parley-tls' };
const names = ['envoy.yaml', 'auth.yaml', 'tls.yaml'];

/**
 * Lets Envoy judge files that were written for the mounts above: in `folder`, where they are, with a certificate beside them.
 * Throws with what Envoy says.
 */
export async function validateGatewayFiles(folder: string): Promise<void> {
  writeCertificate(folder, 'tls', 'localhost');
  for (const name of names) {
    const file = path.join(folder, name);
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    await writeFile(file, text.replaceAll(`"${mounts.tls}`, `"${folder}`).replaceAll(`"${mounts.files}`, `"${folder}`));
  }
  const envoy = locateEnvoy() ?? '';
  await run(envoy, ['--mode', 'validate', '-c', path.join(folder, 'envoy.yaml'), '--disable-hot-restart'], {
    cwd: root,
  });
}
