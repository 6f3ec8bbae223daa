// The record of a run as JSON lines, so that its verdict can be looked into afterwards.
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { FaultRecord } from './record.ts';

const mostBufferedLines = 500;

export class History implements AsyncDisposable {
  readonly #file: WriteStream;
  #lines: string[] = [];

  private constructor(file: WriteStream) {
    this.#file = file;
  }

  static async open(file: string): Promise<History> {
    await mkdir(path.dirname(file), { recursive: true });
    const stream = createWriteStream(file);
    await once(stream, 'open');
    return new History(stream);
  }

  append(record: FaultRecord): void {
    this.#lines.push(JSON.stringify(record));
    if (this.#lines.length >= mostBufferedLines) this.#flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#flush();
    this.#file.end();
    await once(this.#file, 'close');
  }

  #flush(): void {
    if (this.#lines.length === 0) return;
    this.#file.write(`${this.#lines.join('\n')}\n`);
    this.#lines = [];
  }
}
