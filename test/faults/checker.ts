// Judges what the clients of a run did and were told. It reads no store and knows no fault: see record.ts and tally.ts.
import { LogCheck } from './log-check.ts';
import { judgeLog } from './log-verdict.ts';
import { PositionCheck } from './position-check.ts';
import { type FaultRecord, type Listener, nameOf, type Wish } from './record.ts';
import { Tally } from './tally.ts';
import { Wakes } from './wakes.ts';

/** What became of a wish. */
export interface Fate {
  readonly wish: Wish;
  readonly askedMs: number;
  /** What had been acknowledged in the thread when it was asked for. */
  readonly floor: number;
  sequence: number | undefined;
  outcome: 'open' | 'acknowledged' | 'refused' | 'given-up';
}

export interface Verdict {
  readonly tally: Tally;
  readonly operations: number;
  readonly acknowledged: number;
  /** How often an entry was told to a device. */
  readonly deliveries: number;
}

export class Checker {
  readonly #tally = new Tally();
  readonly #logs = new Map<string, LogCheck>();
  readonly #positions = new Map<string, PositionCheck>();
  readonly #fates = new Map<string, Fate>();
  readonly #floors = new Map<string, number>();
  readonly #devices = new Map<string, Listener>();
  readonly #wakes = new Wakes();
  #acknowledged = 0;
  #deliveries = 0;

  add(record: FaultRecord): void {
    switch (record.kind) {
      case 'opened':
        this.#devices.set(`${record.listener.user}/${record.listener.device}`, record.listener);
        return;
      case 'asked':
        this.#fates.set(record.wish.ref, {
          wish: record.wish,
          askedMs: record.atMs,
          floor: this.#floors.get(record.wish.thread) ?? 0,
          sequence: undefined,
          outcome: 'open',
        });
        return;
      case 'acknowledged':
        return this.#acknowledge(record);
      case 'refused':
        return this.#refuse(record);
      case 'given-up':
        this.#fate(record.ref).outcome = 'given-up';
        return;
      case 'heard':
        this.#deliveries += 1;
        this.#wakes.add(record);
        return this.#log(record.thread).heard(record);
      case 'restarted':
        return this.#tally.count('restarted', record, `${nameOf(record.listener)} starts over in ${record.thread}`);
      case 'positions-asked':
        return this.#positionsOf(record.thread).asked(record.ask);
      case 'position':
        return this.#positionsOf(record.thread).told(record);
      case 'reads':
        return this.#positionsOf(record.thread).reads(record.listener.user, record.sequence);
      case 'whole':
        this.#log(record.thread).wholes.push(record);
        return;
      case 'stuck':
        return this.#tally.count('stuck', record, record.what);
      case 'presence':
        if (record.state === record.is) return;
        return this.#tally.count(
          'presence',
          record,
          `${record.asker} is told ${record.state} of ${record.user}: ${record.is}`,
        );
      case 'crashed':
        return this.#tally.count('crashed', record, record.text);
      case 'note':
    }
  }

  /** Call it when all is told. */
  finish(): Verdict {
    const fates = Map.groupBy(this.#fates.values(), ({ wish }) => wish.thread);
    for (const thread of new Set([...this.#logs.keys(), ...fates.keys()])) {
      judgeLog(this.#log(thread), fates.get(thread) ?? [], [...this.#devices.values()], this.#wakes, this.#tally);
    }
    for (const positions of this.#positions.values()) positions.finish();
    return {
      tally: this.#tally,
      operations: this.#fates.size,
      acknowledged: this.#acknowledged,
      deliveries: this.#deliveries,
    };
  }

  #acknowledge(record: Extract<FaultRecord, { kind: 'acknowledged' }>): void {
    const fate = this.#fate(record.ref);
    const { wish, floor } = fate;
    const { sequence } = record;
    this.#acknowledged += 1;
    fate.outcome = 'acknowledged';
    if (sequence === 0) return;
    if (fate.sequence !== undefined && fate.sequence !== sequence) {
      this.#tally.count('duplicated', record, `${wish.thread}: ${wish.ref} is ${fate.sequence} and ${sequence}`);
    }
    fate.sequence ??= sequence;
    if (sequence <= floor) {
      const text = `${wish.thread}: ${wish.ref} got ${sequence}; ${floor} was acknowledged before it was asked for`;
      this.#tally.count('reordered', record, text);
    }
    this.#floors.set(wish.thread, Math.max(this.#floors.get(wish.thread) ?? 0, sequence));
  }

  #refuse(record: Extract<FaultRecord, { kind: 'refused' }>): void {
    const fate = this.#fate(record.ref);
    fate.outcome = 'refused';
    if (record.expected) return;
    const { what, thread, user } = fate.wish;
    this.#tally.count('refused', record, `${thread}: ${what} ${record.ref} by ${user}: ${record.reason}`);
  }

  #fate(ref: string): Fate {
    const fate = this.#fates.get(ref);
    if (fate === undefined) throw new Error(`nobody asked for ${ref}`);
    return fate;
  }

  #log(thread: string): LogCheck {
    let log = this.#logs.get(thread);
    if (log === undefined) this.#logs.set(thread, (log = new LogCheck(thread, this.#tally)));
    return log;
  }

  #positionsOf(thread: string): PositionCheck {
    let positions = this.#positions.get(thread);
    if (positions === undefined) {
      positions = new PositionCheck(this.#log(thread), this.#tally);
      this.#positions.set(thread, positions);
    }
    return positions;
  }
}
