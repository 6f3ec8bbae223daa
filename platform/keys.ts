// Which keys node and gateway check tokens with, and handing changed key and certificate files on to Envoy, which notices
// renames in a folder and nothing else. Files are looked at once a second, so every way of replacing them is seen.
import { unwatchFile, watchFile } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createSecureContext } from 'node:tls';
import type { AuthSettings } from '../gateway/render.ts';
import { writeAuth } from '../gateway/render.ts';
import { devAlgorithm, devAudience, devIssuer } from '../server/auth/dev-key.ts';
import type { DevKey } from '../server/auth/dev-key.ts';
import type { NodeSettings } from './node-process.ts';

/** An identity provider of one's own, in place of the dev key. */
export interface ExternalAuth {
  /** Path or http(s) URL of its JWKS. */
  readonly jwks: string;
  readonly issuer: string;
  readonly audience: string;
  /** As ['ES256', 'RS256']. */
  readonly algorithms: readonly string[];
}

export interface PlatformAuth {
  readonly node: NodeSettings['auth'];
  gateway(): Promise<AuthSettings>;
  /** A file that may change; undefined for a URL, which Envoy fetches itself. */
  readonly keyFile: string | undefined;
}

export function authSettings(source: ExternalAuth | DevKey): PlatformAuth {
  const external =
    'sign' in source
      ? { jwks: source.jwksFile, issuer: devIssuer, audience: devAudience, algorithms: [devAlgorithm] }
      : source;
  const { jwks, issuer, audience } = external;
  const isUrl = /^https?:\/\//.test(jwks);
  return {
    node: { jwks, issuer, audience, algorithms: external.algorithms.join(','), isDevKey: 'sign' in source },
    async gateway() {
      return { issuer, audience, jwks: isUrl ? { url: jwks } : { text: await readFile(jwks, 'utf8') } };
    },
    keyFile: isUrl ? undefined : jwks,
  };
}

/** Hands a changed key file on. One that is no JSON just now is left for the next look. */
export function watchKeys(auth: PlatformAuth, folder: string): Disposable {
  const { keyFile } = auth;
  if (keyFile === undefined) return { [Symbol.dispose]: () => {} };
  return watchFiles([keyFile], async () => {
    const settings = await auth.gateway();
    if ('text' in settings.jwks) JSON.parse(settings.jwks.text);
    await writeAuth(folder, settings);
  });
}

/** Throws, with words, when the two files are not there or do not belong together: Envoy would wait for ever. */
export async function checkCertificate({ cert, key }: { cert: string; key: string }): Promise<void> {
  try {
    createSecureContext({ cert: await readFile(cert), key: await readFile(key) });
  } catch (error) {
    throw new Error(`the certificate ${cert} with the key ${key} cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Tells Envoy of a changed certificate or key, once the two belong together again. */
export function watchCertificate({ cert, key }: { cert: string; key: string }, watchedFolder: string): Disposable {
  return watchFiles([cert, key], async () => {
    await checkCertificate({ cert, key });
    const marker = path.join(watchedFolder, 'changed');
    await writeFile(`${marker}.new`, '');
    await rename(`${marker}.new`, marker);
  });
}

/** A failing `handOn` leaves things as they are: the next change is another chance. */
function watchFiles(files: readonly string[], handOn: () => Promise<void>): Disposable {
  const onChange = (): void => void handOn().catch(() => {});
  for (const file of files) watchFile(file, { interval: 1000, persistent: false }, onChange);
  return {
    [Symbol.dispose]: () => {
      for (const file of files) unwatchFile(file, onChange);
    },
  };
}
