import type { Entry, Head } from '../../core/entry.ts';
import type { UserId } from '../../core/ids.ts';
import type { Row } from '../../core/rows.ts';
import type { DeviceRecord } from '../store.ts';
import type { Put } from './database.ts';
import type { PushTokenOwner } from './devices.ts';
import type { InboxRecord } from './inbox.ts';
import type { Key } from './keys.ts';
import type { LogState } from './log-states.ts';
import type { PositionRecord } from './positions.ts';

/**
 * What is written with one fsync, while it is gathered and while it is being written. Whoever must read what is not yet
 * on disk (the next append, a duplicate) looks in here first.
 */
export class Commit {
  readonly puts: Put[] = [];
  /** Keys of the ids that are appended here. */
  readonly ids = new Set<Key>();
  readonly heads = new Map<LogState, Head>();
  readonly rows = new Map<Key, Row>();
  /** Messages that an edit or a delete changed, by the entry's key. */
  readonly changed = new Map<Key, Entry>();
  readonly appended: Appended[] = [];
  readonly inbox = new Map<Key, InboxRecord>();
  /** Of the commit when it closes: only the last one of a key is written; undefined = forgotten. */
  readonly positions = new Map<Key, PositionRecord | undefined>();
  readonly devices = new Map<Key, number | undefined>();
  /** As positions. */
  readonly deviceRecords = new Map<Key, DeviceRecord | undefined>();
  readonly pushTokens = new Map<Key, PushTokenOwner | undefined>();
  /** Last-seen times that were added when it closed. */
  seen: ReadonlyMap<UserId, number> = new Map();
  /** Written even if nothing but last-seen times is in it. */
  forced = false;

  #settled: PromiseWithResolvers<void> | undefined;
  readonly #resolvers: (() => void)[] = [];
  readonly #rejecters: ((reason: unknown) => void)[] = [];

  get empty(): boolean {
    const { puts, positions, devices, deviceRecords } = this;
    return !this.forced && puts.length + positions.size + devices.size + deviceRecords.size === 0;
  }

  /** Resolves with `result` when everything in here is durable. */
  release<Result>(result: Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#resolvers.push(() => resolve(result));
      this.#rejecters.push(reject);
    });
  }

  /** Resolves when everything in here is durable. */
  durable(): Promise<void> {
    if (this.#settled === undefined) {
      this.#settled = Promise.withResolvers();
      const { resolve, reject } = this.#settled;
      this.#resolvers.push(resolve);
      this.#rejecters.push(reject);
    }
    return this.#settled.promise;
  }

  succeed(): void {
    for (const resolve of this.#resolvers) resolve();
  }

  fail(reason: unknown): void {
    for (const reject of this.#rejecters) reject(reason);
  }
}

export interface Appended {
  readonly state: LogState;
  readonly entries: readonly Entry[];
}
