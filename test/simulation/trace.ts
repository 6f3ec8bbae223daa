import { createHash } from 'node:crypto';

/** What happened in a run, line by line; its hash tells two runs apart. */
export class Trace {
  readonly #hash = createHash('sha1');
  readonly #print: ((line: string) => void) | undefined;
  /** Lines so far. */
  length = 0;

  constructor(print?: (line: string) => void) {
    this.#print = print;
  }

  add(line: string): void {
    this.length += 1;
    this.#hash.update(line).update('\n');
    this.#print?.(line);
  }

  /** Of all lines. Nothing is added after it. */
  digest(): string {
    return this.#hash.digest('hex');
  }
}
