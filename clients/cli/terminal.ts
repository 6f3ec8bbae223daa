import type { ReadStream, WriteStream } from 'node:tty';
import { KeyReader } from './keys.ts';
import type { Key } from './keys.ts';
import { anchored } from './text.ts';

// Alternate screen, no wrapping at the right edge, pastes marked.
const enter = '\u001b[?1049h\u001b[?7l\u001b[?2004h\u001b[2J';
const leave = '\u001b[?2004l\u001b[?7h\u001b[?25h\u001b[?1049l';
/** An ESC alone for this long is the escape key. */
const escapeMs = 50;

export interface TerminalListener {
  keys(keys: readonly Key[]): void;
  resized(): void;
}

/** The terminal in raw mode, as long as this object lives; it is as it was before when `restore` returns, also in a crash. */
export class Terminal {
  readonly #input: ReadStream;
  readonly #output: WriteStream;
  readonly #reader = new KeyReader();
  #shown: readonly string[] = [];
  #escape: NodeJS.Timeout | undefined;
  #restored = false;
  readonly #exit = (): void => this.restore();

  constructor(input: ReadStream, output: WriteStream, listener: TerminalListener) {
    this.#input = input;
    this.#output = output;
    // `exit` comes last whatever ends the process, but a signal that nobody handles.
    process.on('exit', this.#exit);
    input.setRawMode(true);
    input.on('data', (bytes: Buffer) => {
      clearTimeout(this.#escape);
      listener.keys(this.#reader.read(bytes));
      if (this.#reader.isWaiting) this.#escape = setTimeout(() => listener.keys(this.#reader.flush()), escapeMs);
    });
    output.on('resize', () => {
      this.#shown = [];
      listener.resized();
    });
    output.write(enter);
  }

  get columns(): number {
    return Math.max(20, this.#output.columns);
  }

  get rows(): number {
    return Math.max(6, this.#output.rows);
  }

  /** Puts rows on the screen: only those that are others than before. */
  show(rows: readonly string[], cursor: { readonly row: number; readonly column: number }): void {
    if (this.#restored) return;
    let out = '\u001b[?25l';
    if (this.#shown.length === 0) out += '\u001b[2J';
    for (const [index, row] of rows.entries()) {
      if (row !== this.#shown[index]) out += `\u001b[${index + 1};1H${anchored(row)}\u001b[0m`;
    }
    this.#shown = rows;
    this.#output.write(`${out}\u001b[${cursor.row + 1};${cursor.column + 1}H\u001b[?25h`);
  }

  /** Draws everything anew next time. */
  forget(): void {
    this.#shown = [];
  }

  /** Idempotent. */
  restore(): void {
    if (this.#restored) return;
    this.#restored = true;
    clearTimeout(this.#escape);
    process.off('exit', this.#exit);
    this.#output.write(leave);
    this.#input.setRawMode(false);
    this.#input.pause();
  }
}
