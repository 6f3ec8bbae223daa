// Other services, for tests over a platform with `services: true`: each with a token and a connection of its own to one node.
import { readFileSync } from 'node:fs';
import type { NodeHandle } from '../../platform/node-handle.ts';
import type { Platform } from '../../platform/platform.ts';
import { RawClient } from './raw-client.ts';

export const allScopes = ['channels', 'comments', 'threads', 'messages', 'notifications', 'tokens', 'users'] as const;

export class Services implements Disposable {
  readonly #platform: Platform;
  readonly #node: number;
  readonly #clients: RawClient[] = [];

  /** `node`: which one of the platform's. */
  constructor(platform: Platform, node = 0) {
    this.#platform = platform;
    this.#node = node;
  }

  /** A service with a token of these scopes, of all by default. */
  async named(name: string, scopes: readonly string[] = allScopes): Promise<RawClient> {
    return this.stranger(await this.#platform.serviceToken(name, { scope: scopes.join(' ') }));
  }

  /** A connection with any token, or none. */
  stranger(token?: string): RawClient {
    const client = new RawClient(this.#platform.nodes[this.#node]?.services ?? '', token);
    this.#clients.push(client);
    return client;
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client[Symbol.dispose]();
  }
}

export type AuditLine = Readonly<Record<string, unknown>> & { readonly method: string; readonly outcome: string };

/** What the node's audit has of a service. Lines are written before the answer is. */
export function auditOf(node: NodeHandle | undefined, service: string): AuditLine[] {
  return readFileSync(node?.logFile ?? '', 'utf8')
    .split('\n')
    .filter((line) => line.includes('"audit":true'))
    .map((line) => JSON.parse(line) as AuditLine)
    .filter((line) => line['service'] === service);
}
