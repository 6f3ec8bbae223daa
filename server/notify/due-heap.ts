/** Keys by when they are due, the earliest first. A key may stand in it more than once: who takes one looks whether that still holds. */
export class DueHeap {
  readonly #heap: { readonly dueMs: number; readonly key: string }[] = [];

  get size(): number {
    return this.#heap.length;
  }

  push(dueMs: number, key: string): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push({ dueMs, key });
    while (at > 0) {
      const above = (at - 1) >> 1;
      if ((heap[above]?.dueMs ?? -Infinity) <= dueMs) break;
      this.#swap(at, above);
      at = above;
    }
  }

  /** The earliest that is due at `nowMs`. */
  take(nowMs: number): { readonly dueMs: number; readonly key: string } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.dueMs > nowMs) return undefined;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    heap[0] = last;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      let least = at;
      for (const below of [left, left + 1]) if (this.#dueMs(below) < this.#dueMs(least)) least = below;
      if (least === at) return first;
      this.#swap(at, least);
      at = least;
    }
  }

  #dueMs(at: number): number {
    return this.#heap[at]?.dueMs ?? Infinity;
  }

  #swap(one: number, other: number): void {
    const heap = this.#heap;
    const [first, second] = [heap[one], heap[other]];
    if (first === undefined || second === undefined) return;
    heap[one] = second;
    heap[other] = first;
  }
}
