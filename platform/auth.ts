// Which keys node and gateway check tokens with, and keeping the gateway's copy current.
import { readFile } from 'node:fs/promises';
import { unwatchFile, watchFile } from 'node:fs';
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

/**
 * Hands a changed key file on to Envoy, which cannot watch one itself. Asked once a second, like the node does, so that
 * every way of replacing the file is seen. A file that is no JSON just now is left for the next look.
 */
export function watchKeys(auth: PlatformAuth, folder: string): Disposable {
  const { keyFile } = auth;
  if (keyFile === undefined) return { [Symbol.dispose]: () => {} };
  const handOn = async (): Promise<void> => {
    const settings = await auth.gateway();
    if ('text' in settings.jwks) JSON.parse(settings.jwks.text);
    await writeAuth(folder, settings);
  };
  const onChange = (): void => void handOn().catch(() => {});
  watchFile(keyFile, { interval: 1000, persistent: false }, onChange);
  return { [Symbol.dispose]: () => unwatchFile(keyFile, onChange) };
}
