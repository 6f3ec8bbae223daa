import type { DeadLetter, DeadLetterPlace } from '../queue.ts';
import { keptMs, maxDeadLetters } from '../queue.ts';
import type { Journal } from './journal.ts';

const prefix = 'dead ';

/** Those that were given up, the oldest first. All are in memory: a few hundred bytes each. */
export class DeadLetters {
  readonly #journal: Journal;
  readonly #kept = new Map<string, DeadLetter>();

  private constructor(journal: Journal) {
    this.#journal = journal;
  }

  static async open(journal: Journal): Promise<DeadLetters> {
    const letters = new DeadLetters(journal);
    const all: DeadLetter[] = [];
    await journal.scan(prefix, (_, value) => all.push(letterOf(value)));
    for (const one of all.toSorted((a, b) => a.deadMs - b.deadMs)) letters.#kept.set(one.id, one);
    return letters;
  }

  count(nowMs: number): number {
    this.#expire(nowMs);
    return this.#kept.size;
  }

  add(letter: DeadLetter): void {
    this.#kept.delete(letter.id);
    this.#kept.set(letter.id, letter);
    this.#journal.put(prefix + letter.id, JSON.stringify({ ...letter, sequence: letter.sequence.toString() }));
    this.#expire(letter.deadMs);
  }

  remove(id: string): DeadLetter | undefined {
    const letter = this.#kept.get(id);
    if (letter === undefined) return undefined;
    this.#kept.delete(id);
    this.#journal.put(prefix + id, undefined);
    return letter;
  }

  /** Newest first. */
  list(nowMs: number, limit: number, before?: DeadLetterPlace): DeadLetter[] {
    this.#expire(nowMs);
    const isBelow = ({ deadMs, id }: DeadLetter): boolean =>
      before === undefined || deadMs < before.deadMs || (deadMs === before.deadMs && id < before.id);
    return [...this.#kept.values()]
      .filter(isBelow)
      .toSorted((a, b) => b.deadMs - a.deadMs || (a.id < b.id ? 1 : -1))
      .slice(0, limit);
  }

  #expire(nowMs: number): void {
    for (const [id, { deadMs }] of this.#kept) {
      if (this.#kept.size <= maxDeadLetters && deadMs > nowMs - keptMs) return;
      this.remove(id);
    }
  }
}

function letterOf(value: string): DeadLetter {
  const letter = JSON.parse(value) as Omit<DeadLetter, 'sequence'> & { readonly sequence: string };
  return { ...letter, sequence: BigInt(letter.sequence) };
}
