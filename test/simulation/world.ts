// Virtual time. Everything of a run happens in one queue of events, in the order of their times; between two of them all
// promises settle. Nothing here or in what runs in it waits for anything real, so a seed gives the same run each time.
import type { Clock, Timer } from '../../server/core/clock.ts';
import { Random } from './random.ts';
import type { Trace } from './trace.ts';

/** Wall time at the start of each run. */
const wallStartMs = Date.UTC(2026, 0, 5, 12);

/** Times are whole grains: binary fractions, so that sums of them are exact and a timer is never early. */
const grainsPerMs = 1_024;

interface Planned {
  readonly atMs: number;
  /** Breaks ties: what was planned first happens first. */
  readonly order: number;
  run: (() => void) | undefined;
}

/** One life of a node, from its start to its crash. */
export interface Life {
  readonly name: string;
  alive: boolean;
}

export class World {
  readonly random: Random;
  readonly trace: Trace;
  #nowMs = 0;
  #order = 0;
  readonly #heap: Planned[] = [];

  constructor(seed: number, trace: Trace) {
    this.random = new Random(seed);
    this.trace = trace;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  get wallMs(): number {
    return wallStartMs + Math.floor(this.#nowMs);
  }

  note(line: string): void {
    this.trace.add(`${this.#nowMs.toFixed(3)} ${line}`);
  }

  after(delayMs: number, run: () => void): Timer {
    const wholeDelayMs = Math.ceil(Math.max(0, delayMs) * grainsPerMs) / grainsPerMs;
    const planned: Planned = { atMs: this.#nowMs + wholeDelayMs, order: this.#order++, run };
    push(this.#heap, planned);
    return {
      cancel: () => {
        planned.run = undefined;
      },
    };
  }

  /** Resolves when the time has passed. */
  pass(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, resolve));
  }

  /** Lets time pass until then. Must not be called from within. */
  async runUntil(untilMs: number): Promise<void> {
    // What was begun from outside goes as far as it comes by itself.
    await settled();
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs) break;
      pop(this.#heap);
      const { run } = next;
      if (run === undefined) continue;
      this.#nowMs = next.atMs;
      run();
      await settled();
    }
    this.#nowMs = Math.max(this.#nowMs, Math.floor(untilMs * grainsPerMs) / grainsPerMs);
  }
}

/** Resolves when no promise has anything left to do: ticks come after all of them. */
function settled(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** The clock of one life of a node; what it planned ends with it. `skewMs`: how far its wall clock is off. */
export function clockOf(world: World, life: Life, skewMs: number, random: Random): Clock {
  return {
    nowMs: () => world.wallMs + skewMs,
    monotonicMs: () => world.nowMs,
    after: (delayMs, run) =>
      world.after(delayMs, () => {
        if (life.alive) run();
      }),
    random: () => random.next(),
  };
}

function before(a: Planned, b: Planned): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

function push(heap: Planned[], planned: Planned): void {
  let at = heap.length;
  heap.push(planned);
  while (at > 0) {
    const parentAt = (at - 1) >> 1;
    const parent = heap[parentAt] as Planned;
    if (!before(planned, parent)) break;
    heap[at] = parent;
    at = parentAt;
  }
  heap[at] = planned;
}

function pop(heap: Planned[]): void {
  const last = heap.pop() as Planned;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let childAt = 2 * at + 1;
    let child = heap[childAt];
    if (child === undefined) break;
    const right = heap[childAt + 1];
    if (right !== undefined && before(right, child)) {
      child = right;
      childAt += 1;
    }
    if (!before(child, last)) break;
    heap[at] = child;
    at = childAt;
  }
  heap[at] = last;
}
