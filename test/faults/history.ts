// The record of a run as JSON lines, for people who look into its verdict afterwards. A thread is named by the first letters of its
// id; what an entry says stands at its first hearing only, and where it is told otherwise: a long run has millions of hearings.
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type FaultRecord, nameOf, type Said } from './record.ts';

const mostBufferedLines = 500;
const lettersOfThread = 10;

export class History implements AsyncDisposable {
  readonly #file: WriteStream;
  readonly #said = new Map<string, string>();
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
    const { atMs, kind, ...rest } = record;
    const thread = 'thread' in record ? { thread: record.thread.slice(0, lettersOfThread) } : {};
    const listener = 'listener' in record ? { listener: nameOf(record.listener) } : {};
    const said =
      record.kind === 'heard' ? { said: this.#news(`${record.thread} ${record.sequence}`, record.said) } : {};
    this.#lines.push(JSON.stringify({ atMs, kind, ...rest, ...thread, ...listener, ...said }));
    if (this.#lines.length >= mostBufferedLines) this.#flush();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#flush();
    this.#file.end();
    await once(this.#file, 'close');
  }

  /** Undefined when it is what was heard there before. */
  #news(place: string, said: Said): Said | undefined {
    const text = JSON.stringify(said);
    const known = this.#said.get(place);
    if (known === undefined) this.#said.set(place, text);
    return known === text ? undefined : said;
  }

  #flush(): void {
    if (this.#lines.length === 0) return;
    this.#file.write(`${this.#lines.join('\n')}\n`);
    this.#lines = [];
  }
}
