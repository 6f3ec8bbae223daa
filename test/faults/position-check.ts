// Positions: they only grow, and nobody is said to have what no device of theirs has.
import type { LogCheck } from './log-check.ts';
import { type FaultRecord, nameOf } from './record.ts';
import type { Tally } from './tally.ts';

type Position = Extract<FaultRecord, { kind: 'position' }>;
interface Reached {
  delivered: number;
  read: number;
}

export class PositionCheck {
  readonly #log: LogCheck;
  readonly #tally: Tally;
  readonly #told = new Map<string, Reached>();
  readonly #reads = new Map<string, number>();
  /** What had been told when a question began. */
  readonly #asks = new Map<number, ReadonlyMap<string, Reached>>();
  /** Above what the user's devices had: right if it was the user's own entry, or the join. */
  readonly #above: { readonly record: Position; readonly sequence: number; readonly had: number }[] = [];

  constructor(log: LogCheck, tally: Tally) {
    this.#log = log;
    this.#tally = tally;
  }

  asked(ask: number): void {
    this.#asks.set(ask, new Map([...this.#told].map(([user, reached]) => [user, { ...reached }])));
  }

  reads(user: string, sequence: number): void {
    this.#reads.set(user, Math.max(this.#reads.get(user) ?? 0, sequence));
  }

  told(record: Position): void {
    const { user, delivered, read, ask, thread, listener } = record;
    const floor = this.#asks.get(ask)?.get(user);
    if (floor !== undefined && (delivered < floor.delivered || read < floor.read)) {
      const was = `${floor.delivered}/${floor.read}`;
      const text = `${thread}: ${nameOf(listener)} was told ${delivered}/${read} of ${user} after ${was} had been told`;
      this.#tally.count('backwards', record, text);
    }
    const reached = this.#told.get(user) ?? { delivered: 0, read: 0 };
    this.#told.set(user, {
      delivered: Math.max(reached.delivered, delivered),
      read: Math.max(reached.read, read),
    });
    const heard = this.#log.heardBy(user);
    if (delivered > heard) this.#above.push({ record, sequence: delivered, had: heard });
    const said = this.#reads.get(user) ?? 0;
    if (read > said) this.#above.push({ record, sequence: read, had: said });
  }

  finish(): void {
    for (const { record, sequence, had } of this.#above) {
      const said = this.#log.places.get(sequence)?.said;
      const { user, thread } = record;
      if (said?.sender === user) continue;
      if (said?.what === 'created' || (said?.what === 'added' && said.subject === user)) continue;
      const text = `${thread}: ${user} is said to have ${sequence} (${record.delivered}/${record.read}) and had ${had}`;
      this.#tally.count('unheld', record, text);
    }
  }
}
