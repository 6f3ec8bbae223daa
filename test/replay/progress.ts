/** Shows how far a run is: a bar that redraws itself on a terminal, else a line now and then. */
export interface Output {
  isTTY?: boolean | undefined;
  columns?: number | undefined;
  write(text: string): unknown;
}

const redrawMs = 100;
const lineMs = 5_000;

export class Progress {
  readonly #out: Output;
  readonly #now: () => number;
  readonly #startedMs: number;
  #shownMs = -Infinity;
  #shown = '';

  /** `now` gives milliseconds. */
  constructor(out: Output, now: () => number) {
    this.#out = out;
    this.#now = now;
    this.#startedMs = now();
  }

  /** Call it as often as you like: it draws when it is time, and when `done` reaches `total`. */
  show(what: string, done: number, total: number, detail = ''): void {
    const now = this.#now();
    const finished = done >= total && !this.#shown.startsWith(`${what} ${total}/`);
    if (!finished && now - this.#shownMs < (this.#out.isTTY ? redrawMs : lineMs)) return;
    this.#shownMs = now;
    const seconds = ((now - this.#startedMs) / 1000).toFixed(1);
    this.#shown = [`${what} ${done}/${total}`, detail, `${seconds} s`].filter((part) => part !== '').join(' · ');
    if (!this.#out.isTTY) {
      this.#out.write(`${this.#shown}\n`);
      return;
    }
    const columns = this.#out.columns ?? 80;
    const width = Math.max(0, Math.min(30, columns - this.#shown.length - 4));
    const full = total === 0 ? width : Math.round((width * Math.min(done, total)) / total);
    const bar = width > 4 ? `[${'#'.repeat(full)}${'.'.repeat(width - full)}] ` : '';
    this.#out.write(`\r\x1b[2K${(bar + this.#shown).slice(0, Math.max(1, columns - 1))}`);
  }

  /** Says a line that stays. */
  say(text: string): void {
    this.#out.write(this.#out.isTTY ? `\r\x1b[2K${text}\n` : `${text}\n`);
    this.#shownMs = -Infinity;
  }

  /** Takes the bar away: what is written next begins a line of its own. */
  end(): void {
    if (this.#out.isTTY) this.#out.write('\r\x1b[2K');
  }
}
