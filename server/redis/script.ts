import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RedisArgument } from './link.ts';
import type { Shards } from './shards.ts';

/** A Lua script from a file, run at the master of its keys. Redis is given its text when it does not have it. */
export class Script {
  readonly #source: string;
  readonly #sha: string;

  constructor(file: URL) {
    this.#source = readFileSync(file, 'utf8');
    this.#sha = createHash('sha1').update(this.#source).digest('hex');
  }

  /** All keys are in one slot. @throws LinkDown, or what Redis answered */
  async run(shards: Shards, keys: readonly [string, ...string[]], args: readonly RedisArgument[]): Promise<unknown> {
    const given = [keys.length, ...keys, ...args];
    try {
      return await shards.call(keys[0], 'EVALSHA', [this.#sha, ...given]);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return shards.call(keys[0], 'EVAL', [this.#source, ...given]);
    }
  }
}
