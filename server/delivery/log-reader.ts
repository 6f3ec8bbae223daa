import { type Topic, topicOf } from '../bus/bus.ts';
import type { Head } from '../core/entry.ts';
import type { LogHead } from '../core/event.ts';
import { type LogId, threadLog, threadOfLog, userLog, type UserId } from '../core/ids.ts';
import type { Store } from '../store/store.ts';
import { maxBatchBytes } from './entry-batch.ts';
import type { Hub } from './hub.ts';

/** Entries that are told of a log at most; who lacks more reads what is before them. */
const maxTold = 200;
/** A user's own entries: sessions do not look for those before. */
const maxOwnTold = 1_000;
/** The clocks of nodes differ, and an append takes its time: rows this much older than asked for are looked at too. */
const slackMs = 10_000;

/** What a topic may not have heard: the entries of a log up to one of them. */
export interface Missed extends LogHead {
  /** Default: all. */
  readonly upTo?: bigint;
}

/** Finds in the store what a topic of this node did not hear, and has it heard. */
export class LogReader {
  readonly #store: Store;
  readonly #hub: Hub;

  constructor(store: Store, hub: Hub) {
    this.#store = store;
    this.#hub = hub;
  }

  /** Where the logs stand; those without entries are left out. */
  async heads(logs: readonly LogId[]): Promise<Map<LogId, Head>> {
    const heads = await this.#store.heads(logs);
    const found = new Map<LogId, Head>();
    logs.forEach((log, index) => {
      const head = heads[index];
      if (head !== undefined) found.set(log, head);
    });
    return found;
  }

  /**
   * Threads of a user in which something happened since, as far as it should have been heard on the user's topic: direct
   * ones, and groups that not all of their sessions hear; with their removals up to these.
   */
  async changed(userId: UserId, sinceMs: number): Promise<Missed[]> {
    const topic = topicOf.user(userId);
    const rows = await this.#store.inbox(userId, Math.max(0, sinceMs - slackMs));
    const due = rows.filter(({ threadId, activityMs }) => {
      if (activityMs < sinceMs - slackMs) return false;
      return threadId.startsWith('d_') || !this.#hub.listensAlso(topic, topicOf.thread(threadId));
    });
    const heads = await this.heads(due.map((row) => threadLog(row.threadId)));
    return due.flatMap(({ threadId, member, sequence }) => {
      const log = threadLog(threadId);
      const head = heads.get(log);
      return head === undefined ? [] : { log, head, upTo: member ? head.sequence : sequence };
    });
  }

  /** Has what is above `known` heard on the topic; 0 = it is not known what they have. */
  async tell(topic: Topic, { log, head, upTo = head.sequence }: Missed, known: bigint): Promise<void> {
    if (known >= upTo) return;
    const threadId = threadOfLog(log);
    const most = threadId === undefined ? maxOwnTold : maxTold;
    // Where it is not known, the last one shows it to who lacks more.
    const lacking = known === 0n && threadId !== undefined ? 1n : upTo - known;
    const limit = lacking < BigInt(most) ? Number(lacking) : most;
    const range = { after: upTo - BigInt(limit), upTo, limit, maxBytes: maxBatchBytes, fromEnd: true };
    const entries = await this.#store.entries(log, range);
    if (entries.length === 0) return;
    if (threadId !== undefined) this.#hub.hear(topic, { type: 'entries', threadId, head, entries, origin: undefined });
    else this.#hub.hear(topic, { type: 'user-entries', userId: userOfLog(log), head, entries });
  }
}

function userOfLog(log: LogId): UserId {
  return log.slice(userLog('' as UserId).length) as UserId;
}
