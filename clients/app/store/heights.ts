const chunk = 256;

/**
 * Heights of a long list's rows, measured or guessed: where each begins, and which one is at a place. Rows are cheap (four
 * bytes), and both questions take some hundred additions.
 */
export class Heights {
  readonly #guess: number;
  #rows = new Float32Array(1_024);
  #sums: number[] = [];
  #count = 0;

  /** `guess`: pixels of a row that was not measured. */
  constructor(guess: number) {
    this.#guess = guess;
  }

  get count(): number {
    return this.#count;
  }

  get total(): number {
    let total = 0;
    for (const sum of this.#sums) total += sum;
    return total;
  }

  /** Rows are added and taken away at the end. */
  resize(count: number): void {
    if (count > this.#rows.length) {
      const more = new Float32Array(Math.max(count, this.#rows.length * 2));
      more.set(this.#rows);
      this.#rows = more;
    }
    if (count > this.#count) this.#rows.fill(this.#guess, this.#count, count);
    const from = Math.floor(Math.min(count, this.#count) / chunk);
    this.#count = count;
    this.#sums.length = Math.ceil(count / chunk);
    for (let at = from; at < this.#sums.length; at++) this.#sums[at] = this.#sumOf(at);
  }

  /** Forgets all: the list is another one. */
  reset(count: number): void {
    this.#count = 0;
    this.resize(count);
  }

  of(index: number): number {
    return this.#rows[index] ?? this.#guess;
  }

  /** Answers whether it was another. */
  set(index: number, height: number): boolean {
    const old = this.of(index);
    if (index >= this.#count || Math.abs(old - height) < 0.5) return false;
    this.#rows[index] = height;
    const at = Math.floor(index / chunk);
    this.#sums[at] = this.#sumOf(at);
    return true;
  }

  /** Pixels above a row. */
  offset(index: number): number {
    const end = Math.min(index, this.#count);
    const chunks = Math.floor(end / chunk);
    let offset = 0;
    for (let at = 0; at < chunks; at++) offset += this.#sums[at] ?? 0;
    for (let row = chunks * chunk; row < end; row++) offset += this.#rows[row] ?? 0;
    return offset;
  }

  /** The row that has this pixel; the nearest one for a pixel outside. */
  at(pixel: number): number {
    let left = Math.max(0, pixel);
    let at = 0;
    for (; at < this.#sums.length - 1 && left >= (this.#sums[at] ?? 0); at++) left -= this.#sums[at] ?? 0;
    let row = at * chunk;
    for (; row < this.#count - 1 && left >= (this.#rows[row] ?? 0); row++) left -= this.#rows[row] ?? 0;
    return Math.min(row, Math.max(0, this.#count - 1));
  }

  #sumOf(at: number): number {
    let sum = 0;
    for (let row = at * chunk, end = Math.min(row + chunk, this.#count); row < end; row++) sum += this.#rows[row] ?? 0;
    return sum;
  }
}
