import type { UserEntry } from '#proto/parley/v1/account.ts';
import type { Caller } from './caller.ts';
import type { Repair } from './repair.ts';
import { Timeline } from './timeline.ts';
import type { Step } from './timeline.ts';

/** The user's own log on this device: what other devices of the user changed, each entry once and in order. */
export class UserLog {
  readonly #caller: Caller;
  readonly #repair: Repair;
  readonly #tell: (entry: UserEntry) => void;
  #timeline = new Timeline<UserEntry>();

  constructor(caller: Caller, repair: Repair, tell: (entry: UserEntry) => void) {
    this.#caller = caller;
    this.#repair = repair;
    this.#tell = tell;
  }

  get held(): bigint {
    return this.#timeline.held;
  }

  get epoch(): bigint {
    return this.#timeline.epoch;
  }

  /** What an earlier process held. */
  restore(epoch: bigint, held: bigint): void {
    this.#timeline.restore(epoch, held);
  }

  /** A session opened on a log of this epoch. */
  opened(epoch: bigint): void {
    this.#took(this.#timeline.entries(epoch, []));
  }

  appended(entries: readonly UserEntry[]): void {
    this.#took(this.#timeline.entries(this.#timeline.epoch, entries));
  }

  skipped(to: bigint): void {
    this.#timeline.skipped(to);
    this.#look(true);
  }

  /** The server has told everything up to here that it tells: where it told nothing, this device needs nothing. */
  caughtUp(sequence: bigint): void {
    if (this.#timeline.told === 0n) this.#took(this.#timeline.leave(sequence));
    else {
      this.#timeline.skipped(sequence);
      this.#look(false);
    }
  }

  #took(step: Step<UserEntry>): void {
    for (const entry of step.applied) this.#tell(entry);
    this.#look(false);
  }

  #look(now: boolean): void {
    const timeline = this.#timeline;
    this.#repair.look(
      // No thread's id has a colon.
      'user:',
      {
        hole: () => timeline.missing?.after,
        fetch: async (signal) => {
          const after = timeline.held;
          const path = '/parley.v1.PeopleService/ListUserEntries';
          const request = { afterSequence: after, pageSize: 0 };
          const { entries, headSequence, epoch } = await this.#caller.call(path, request, { signal });
          if (signal.aborted) return;
          this.#took(timeline.page(after, entries, { epoch, sequence: headSequence, visibleFromSequence: 0n }));
        },
      },
      now,
    );
  }
}
