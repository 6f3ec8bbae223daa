import type { Clock } from '../core/clock.ts';
import { threadLog, type ThreadId, type UserId } from '../core/ids.ts';
import type { InboxRow, Store } from '../store/store.ts';

/** How often a session looks for news in groups that it does not hear. Such sessions are few: most have no more groups than they hear. */
const lookEveryMs = 60_000;
/** What was accepted in these last seconds of a look may not have been in the inbox yet. */
const slackMs = 10_000;

/** For a session whose user is in more groups than it hears live: finds those of the rest in which something happened. */
export class UnheardGroups {
  readonly #userId: UserId;
  readonly #store: Store;
  readonly #clock: Clock;
  /** When it looked last: wall ms for what to look for, monotonic ms for when to look again. */
  #sinceMs: number;
  #lookedMs: number;

  constructor(userId: UserId, store: Store, clock: Clock) {
    this.#userId = userId;
    this.#store = store;
    this.#clock = clock;
    this.#sinceMs = clock.nowMs();
    this.#lookedMs = clock.monotonicMs();
  }

  /** Rows of groups in which something happened since the last look, the newest last. Nothing when that was just now. */
  async look(isHeard: (threadId: ThreadId) => boolean): Promise<InboxRow[]> {
    const monotonicMs = this.#clock.monotonicMs();
    if (monotonicMs - this.#lookedMs < lookEveryMs) return [];
    this.#lookedMs = monotonicMs;
    const nowMs = this.#clock.nowMs();
    // A wall clock that was set back gives what is new an old time.
    const sinceMs = nowMs < this.#sinceMs ? 0 : this.#sinceMs - slackMs;
    const rows = await this.#store.inbox(this.#userId, Math.max(0, sinceMs));
    const unheard = rows.filter((row) => row.member && row.threadId.startsWith('g_') && !isHeard(row.threadId));
    const large = unheard.filter((row) => row.large);
    const heads = await this.#store.heads(large.map((row) => threadLog(row.threadId)));
    this.#sinceMs = nowMs;
    const current = new Map(large.map((row, index) => [row.threadId, heads[index]]));
    return unheard
      .map((row) => ({ ...row, ...current.get(row.threadId) }))
      .filter((row) => row.activityMs >= sinceMs)
      .toSorted((a, b) => a.activityMs - b.activityMs);
  }
}
