// Where key sets are read from. An origin only fetches text; jwks.ts decides when, and what to do with it.
import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import type { Clock } from '../core/clock.ts';

export interface Origin {
  /** The JWKS text; undefined when it is certainly unchanged since the last read. Throws when it cannot be had. */
  read(): Promise<string | undefined>;
  /** Stores and returns the last good text across restarts, where that makes sense. */
  keep(text: string): Promise<void>;
  kept(): Promise<string | undefined>;
  /** A reading takes microseconds, so callers may wait for it. */
  readonly isQuick: boolean;
  /** Failing at start is a wrong setting, not an outage. */
  readonly mustExist: boolean;
  /** A set older than this is looked up again. */
  readonly maxAgeMs: number;
  /** While there are no keys at all, the source is asked no more often than this. */
  readonly pauseWithoutKeysMs: number;
}

const maxJwksBytes = 1024 * 1024;
const fetchTimeoutMs = 5000;

export function fileOrigin(path: string): Origin {
  let seen = '';
  return {
    isQuick: true,
    mustExist: true,
    maxAgeMs: 1000,
    pauseWithoutKeysMs: 1000,
    async read() {
      const before = seen;
      // Forgotten until the reading succeeded.
      seen = '';
      const { ino, mtimeMs, size } = await stat(path);
      const state = `${ino} ${mtimeMs} ${size}`;
      const text = state === before ? undefined : await readFile(path, 'utf8');
      seen = state;
      return text;
    },
    keep: async () => {},
    kept: async () => undefined,
  };
}

export function urlOrigin(url: string, { clock, keepFile }: { clock: Clock; keepFile?: string }): Origin {
  return {
    isQuick: false,
    mustExist: false,
    maxAgeMs: 300_000,
    pauseWithoutKeysMs: 5000,
    async read() {
      const timeout = new AbortController();
      const timer = clock.after(fetchTimeoutMs, () => timeout.abort(new Error(`${url} did not answer in time`)));
      try {
        const headers = { accept: 'application/json' };
        const response = await fetch(url, { redirect: 'error', headers, signal: timeout.signal });
        if (!response.ok) throw new Error(`${url} answered ${response.status}`);
        return await boundedText(response, url);
      } finally {
        timer.cancel();
      }
    },
    async keep(text) {
      if (keepFile === undefined) return;
      await writeFile(`${keepFile}.new`, text, { mode: 0o600 });
      await rename(`${keepFile}.new`, keepFile);
    },
    async kept() {
      if (keepFile === undefined) return undefined;
      return readFile(keepFile, 'utf8').catch(() => undefined);
    },
  };
}

async function boundedText(response: Response, url: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxJwksBytes) throw new Error(`${url} gave more than ${maxJwksBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
