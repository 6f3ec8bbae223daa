// One thread's log as its listeners were told it: one entry at each place, the same for all.
import { Coverage } from './coverage.ts';
import { type FaultRecord, type Listener, nameOf, type Said } from './record.ts';
import type { Tally } from './tally.ts';

type Heard = Extract<FaultRecord, { kind: 'heard' }>;
type Stamp = Pick<FaultRecord, 'atMs'>;

/** What stands at a place. */
export interface Place {
  readonly said: Said;
  /** When it was first heard. */
  readonly atMs: number;
  /** Contents by the edit that they are of. */
  readonly bodies: Map<number, string>;
}

/** What one device heard in all its lives. */
export interface Hearer {
  readonly listener: Listener;
  readonly coverage: Coverage;
  life: number;
  /** Of this life. */
  ofLife: Coverage;
  last: number;
}

export class LogCheck {
  readonly thread: string;
  readonly places = new Map<number, Place>();
  /** By client_message_id. */
  readonly placesOf = new Map<string, number[]>();
  readonly hearers = new Map<string, Hearer>();
  /** Heads as they were told at the end, by reader. */
  readonly wholes: { readonly listener: Listener; readonly head: number; readonly atMs: number }[] = [];
  last = 0;
  #epoch: string | undefined;
  readonly #tally: Tally;

  constructor(thread: string, tally: Tally) {
    this.thread = thread;
    this.#tally = tally;
  }

  heard(record: Heard): void {
    const { listener, sequence, said, epoch } = record;
    this.#epoch ??= epoch;
    if (epoch !== this.#epoch) {
      this.#tally.count('restarted', record, `${nameOf(listener)} heard ${this.#at(sequence)} of epoch ${epoch}`);
      return;
    }
    this.#place(record, sequence, said);
    const key = `${listener.user}/${listener.device}`;
    let hearer = this.hearers.get(key);
    if (hearer === undefined) {
      hearer = { listener, coverage: new Coverage(), life: listener.life, ofLife: new Coverage(), last: 0 };
      this.hearers.set(key, hearer);
    }
    if (hearer.life !== listener.life) {
      hearer.life = listener.life;
      hearer.ofLife = new Coverage();
      hearer.last = 0;
    }
    const isNew = hearer.ofLife.add(sequence);
    if (!isNew) this.#tally.count('duplicated', record, `${nameOf(listener)} heard ${this.#at(sequence)} again`);
    else if (sequence < hearer.last) {
      const after = `after ${hearer.last}`;
      this.#tally.count('reordered', record, `${nameOf(listener)} heard ${this.#at(sequence)} ${after}`);
    }
    hearer.last = Math.max(hearer.last, sequence);
    hearer.coverage.add(sequence);
  }

  /** The highest place that a device of the user has heard. */
  heardBy(user: string): number {
    let highest = 0;
    for (const { listener, coverage } of this.hearers.values()) {
      if (listener.user === user && listener.life > 0) highest = Math.max(highest, coverage.highest);
    }
    return highest;
  }

  #place(stamp: Stamp, sequence: number, said: Said): void {
    const known = this.places.get(sequence);
    if (known === undefined) {
      const bodies = new Map(said.body === '' ? [] : [[said.edit, said.body]]);
      this.places.set(sequence, { said, atMs: stamp.atMs, bodies });
      this.last = Math.max(this.last, sequence);
      if (said.ref !== '') this.placesOf.set(said.ref, [...(this.placesOf.get(said.ref) ?? []), sequence]);
      return;
    }
    if (identityOf(known.said) !== identityOf(said)) {
      const two = `${identityOf(known.said)} and ${identityOf(said)}`;
      this.#tally.count('diverging', stamp, `${this.#at(sequence)} was told as ${two}`);
      return;
    }
    if (said.erased && said.body !== '')
      this.#tally.count('altered', stamp, `${this.#at(sequence)} is erased and is not`);
    if (said.body === '') return;
    const body = known.bodies.get(said.edit);
    if (body === undefined) known.bodies.set(said.edit, said.body);
    else if (body !== said.body) this.#tally.count('diverging', stamp, `${this.#at(sequence)} has two contents`);
  }

  #at(sequence: number): string {
    return `${this.thread} ${sequence}`;
  }
}

export const identityOf = ({ sender, ref, what, subject }: Said): string => `${what} ${ref} ${subject} by ${sender}`;
