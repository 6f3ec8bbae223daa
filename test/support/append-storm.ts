// Writers on several nodes that append to the same few threads without a pause and note what they were told, and a
// judgement of the store by these notes.
import { setTimeout as delay } from 'node:timers/promises';
import { Refusal } from '../../server/core/errors.ts';
import type { LogId } from '../../server/core/ids.ts';
import type { Append, Store } from '../../server/store/store.ts';
import { appendOf, message, newLog } from '../contract/samples.ts';

const writersPerStore = 3;
/** As clients do, a writer tries again a moment later. */
const retryMs = 100;

interface Told {
  readonly log: LogId;
  readonly id: string;
  readonly sequence: bigint;
}

export class AppendStorm {
  readonly #stores: readonly Store[];
  readonly #logs = [newLog(), newLog(), newLog()];
  readonly #told: Told[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[];
  /** Appends that were answered "unavailable", and tried again. */
  unavailable = 0;

  constructor(stores: readonly Store[]) {
    this.#stores = stores;
    this.#running = stores.flatMap((store, node) =>
      Array.from({ length: writersPerStore }, (_, writer) => this.#write(store, `${node}/${writer}`, writer)),
    );
  }

  /** Messages that were acknowledged. */
  get acknowledged(): number {
    return this.#told.length;
  }

  async #write(store: Store, name: string, offset: number): Promise<void> {
    for (let nth = 0; !this.#stop.signal.aborted; nth++) {
      const log = this.#logs[(nth + offset) % this.#logs.length] as LogId;
      // Two at a time: half of an append would show.
      await this.#append(store, log, [message(`${name}/${nth}`), message(`${name}/${nth} too`)]);
    }
  }

  /** Until it is told; what is under way at the end is brought to its end. */
  async #append(store: Store, log: LogId, entries: Append['entries']): Promise<void> {
    let expected: Append['expected'];
    let isKnown = false;
    for (;;) {
      try {
        if (!isKnown) expected = await store.head(log);
        isKnown = true;
        const result = await store.append(log, appendOf(expected, entries));
        if (result.outcome === 'conflict') {
          expected = result.head;
          continue;
        }
        const sequences =
          result.outcome === 'appended'
            ? result.entries.map((entry) => entry.sequence)
            : entries.map((_, at) => result.duplicates.get(at)?.sequence ?? 0n);
        entries.forEach((entry, at) => {
          this.#told.push({ log, id: entry.clientMessageId, sequence: sequences[at] ?? 0n });
        });
        return;
      } catch (error) {
        if (!(error instanceof Refusal) || error.reason !== 'STORE_UNAVAILABLE') throw error;
        this.unavailable++;
        isKnown = false;
        await delay(retryMs);
      }
    }
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }

  /** What is wrong with the store, by what was told: empty when nothing is. After the end. */
  async judge(): Promise<string[]> {
    const wrong: string[] = [];
    for (const log of this.#logs) {
      const ids: string[] = [];
      for (;;) {
        const range = { after: BigInt(ids.length), upTo: 1n << 40n, limit: 1_000 };
        const page = await (this.#stores[0] as Store).entries(log, range);
        if (page.length === 0) break;
        for (const entry of page) {
          ids.push(entry.clientMessageId);
          if (entry.sequence !== BigInt(ids.length)) wrong.push(`a hole at ${ids.length} of ${log}`);
        }
      }
      if (new Set(ids).size !== ids.length) wrong.push(`${ids.length - new Set(ids).size} doubled in ${log}`);
      const told = this.#told.filter((one) => one.log === log);
      const lost = told.filter((one) => ids[Number(one.sequence) - 1] !== one.id);
      if (lost.length > 0) wrong.push(`${lost.length} not where they were told to be in ${log}`);
      if (ids.length !== told.length) wrong.push(`${ids.length} in ${log}, but ${told.length} were told`);
      for (const store of this.#stores) {
        if ((await store.head(log))?.sequence !== BigInt(ids.length)) wrong.push(`a head of ${log} is elsewhere`);
      }
    }
    return wrong;
  }
}
