import { ByteReader, type ByteWriter } from './bytes.ts';
import type { Database } from './database.ts';
import { keys } from './keys.ts';
import type { Writer } from './writer.ts';

const version = 1;

export function encodeSecret(writer: ByteWriter, value: Uint8Array): Buffer {
  return writer.start(version).raw(value).take();
}

export function decodeSecret(bytes: Buffer): Uint8Array {
  return Uint8Array.from(new ByteReader(bytes, version, 'a secret').raw());
}

/** Values that outlive the process. Two calls for one name at once make it once. */
export class Secrets {
  readonly #database: Database;
  readonly #writer: Writer;
  readonly #words: ByteWriter;
  readonly #making = new Map<string, Promise<Uint8Array>>();

  constructor(database: Database, writer: Writer, words: ByteWriter) {
    this.#database = database;
    this.#writer = writer;
    this.#words = words;
  }

  get(name: string, make: () => Uint8Array): Promise<Uint8Array> {
    const making = this.#making.get(name) ?? this.#getOrMake(name, make).finally(() => this.#making.delete(name));
    this.#making.set(name, making);
    return making;
  }

  async #getOrMake(name: string, make: () => Uint8Array): Promise<Uint8Array> {
    const bytes = await this.#database.get(keys.secret(name));
    if (bytes !== undefined) return decodeSecret(bytes);
    const commit = this.#writer.open;
    const value = make();
    commit.puts.push({ key: keys.secret(name), value: encodeSecret(this.#words, value) });
    this.#writer.flush();
    await commit.durable();
    return value;
  }
}
