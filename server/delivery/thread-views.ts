import type { Entry, Head, Member } from '../core/entry.ts';
import { threadLog, type ThreadId, type UserId } from '../core/ids.ts';
import { Lru } from '../core/lru.ts';
import {
  rowKey,
  type MemberRow,
  type RetentionRow,
  type RetentionSpan,
  type Row,
  type ThreadInfo,
  withSpan,
} from '../core/rows.ts';
import type { Store } from '../store/store.ts';

/**
 * What this node knows of a thread: where it stands, what it is, who is in it. Kept current by the appends and events that pass
 * through the node; read from the store when it is behind. Appends are conditional on the head it was judged by, so a
 * view that is behind costs a retry, never a wrong append.
 */
export interface ThreadView {
  readonly threadId: ThreadId;
  head: Head;
  info: ThreadInfo;
  readonly members: ReadonlyMap<UserId, Member>;
  /** How long bodies are kept, as in its row. */
  spans: readonly RetentionSpan[];
}

interface KeptView extends ThreadView {
  readonly members: Map<UserId, Member>;
}

const pageOfRows = 2_000;
/** Entries that are read to bring a view up to a head; beyond, its rows are fewer. */
const mostBetween = 256n;

export class ThreadViews {
  readonly #store: Store;
  readonly #kept: Lru<ThreadId, KeptView>;
  readonly #loading = new Map<ThreadId, Promise<KeptView | undefined>>();

  constructor(store: Store, capacity: number) {
    this.#store = store;
    this.#kept = new Lru(capacity);
  }

  /** The view if it is in memory. */
  peek(threadId: ThreadId): ThreadView | undefined {
    return this.#kept.get(threadId);
  }

  /** The view, from memory or the store; undefined = no such thread. At least as new as `atLeastMembers` (a members_sequence). */
  async get(threadId: ThreadId, atLeastMembers = 0n): Promise<ThreadView | undefined> {
    const kept = this.#kept.get(threadId);
    if (kept !== undefined && kept.head.membersSequence >= atLeastMembers) return kept;
    const loading = this.#loading.get(threadId);
    if (loading !== undefined) {
      const view = await loading;
      if (view === undefined || view.head.membersSequence >= atLeastMembers) return view;
    }
    return this.refresh(threadId);
  }

  /**
   * The view as it is at this call or later: one read of the head tells whether what is kept is behind. It may be for good where no
   * session of this node follows the thread, since other nodes append too.
   */
  async latest(threadId: ThreadId): Promise<ThreadView | undefined> {
    if (this.#kept.get(threadId) === undefined && !this.#loading.has(threadId)) return this.refresh(threadId);
    const head = await this.#store.head(threadLog(threadId));
    if (head === undefined) return undefined;
    const isCurrent = (view: ThreadView | undefined): boolean =>
      view !== undefined && view.head.epoch === head.epoch && view.head.sequence >= head.sequence;
    const kept = this.#kept.get(threadId);
    if (isCurrent(kept)) return kept;
    const loading = await this.#loading.get(threadId);
    return isCurrent(loading) ? loading : this.refresh(threadId);
  }

  /** Reads the view from the store, whatever is kept. */
  refresh(threadId: ThreadId): Promise<ThreadView | undefined> {
    const load = this.#load(threadId).finally(() => {
      if (this.#loading.get(threadId) === load) this.#loading.delete(threadId);
    });
    this.#loading.set(threadId, load);
    return load;
  }

  /** Brings the view to a head that an append met: by the entries between if they are few, since rows are several reads. */
  async catchUp(threadId: ThreadId, head: Head | undefined): Promise<void> {
    const view = this.#kept.get(threadId);
    const between = view === undefined || head === undefined ? 0n : head.sequence - view.head.sequence;
    // The event of what was met may have come before the refusal.
    if (head !== undefined && between === 0n && head.epoch === view?.head.epoch) return;
    if (view === undefined || head?.epoch !== view.head.epoch || between < 0n || between > mostBetween) {
      await this.refresh(threadId);
      return;
    }
    const range = { after: view.head.sequence, upTo: head.sequence, limit: Number(between) };
    this.apply(threadId, await this.#store.entries(threadLog(threadId), range), head);
  }

  /** Takes in entries that were appended, with the head after them, or a later one. */
  apply(threadId: ThreadId, entries: readonly Entry[], head: Head): void {
    const view = this.#kept.get(threadId);
    const [first, last] = [entries[0], entries.at(-1)];
    if (view === undefined || first === undefined || last === undefined) return;
    if (head.epoch !== view.head.epoch) return this.#kept.delete(threadId);
    if (head.sequence <= view.head.sequence) return;
    // What the entries between changed is not known, nor what those up to the head did where these are not the last.
    if (first.sequence > view.head.sequence + 1n || last.sequence !== head.sequence) return this.#kept.delete(threadId);
    for (const entry of entries) if (entry.sequence > view.head.sequence) applyEntry(view, entry);
    view.head = head;
  }

  async #load(threadId: ThreadId): Promise<KeptView | undefined> {
    const log = threadLog(threadId);
    for (;;) {
      const before = await this.#store.head(log);
      if (before === undefined) return undefined;
      const members = await this.#members(threadId);
      const head = await this.#store.head(log);
      // After the head: a change of it that is above the head is taken in twice, one that is not cannot be missed.
      const [info, retention] = (await Promise.all([
        this.#store.row(log, rowKey.info),
        this.#store.row(log, rowKey.retention),
      ])) as [Row<ThreadInfo> | undefined, Row<RetentionRow> | undefined];
      // A change while the rows were read would give a mixture: read again.
      if (head === undefined || info === undefined || head.membersSequence !== before.membersSequence) continue;
      const kept = this.#kept.get(threadId);
      if (kept !== undefined && kept.head.sequence > head.sequence && kept.head.epoch === head.epoch) return kept;
      const spans = retention?.value.spans ?? [];
      const view: KeptView = { threadId, head, info: info.value, members, spans };
      this.#kept.set(threadId, view);
      return view;
    }
  }

  async #members(threadId: ThreadId): Promise<Map<UserId, Member>> {
    const members = new Map<UserId, Member>();
    const prefix = rowKey.member('');
    let after = '';
    for (;;) {
      const rows = await this.#store.rows(threadLog(threadId), { prefix, after, limit: pageOfRows });
      for (const row of rows) {
        const { role, joinSequence, leftSequence } = row.value as MemberRow;
        const userId = row.key.slice(prefix.length) as UserId;
        if (leftSequence === 0n) members.set(userId, { userId, role, joinSequence });
      }
      if (rows.length < pageOfRows) return members;
      after = rows.at(-1)?.key ?? '';
    }
  }
}

function applyEntry(view: KeptView, entry: Entry): void {
  const { change, sequence } = entry;
  switch (change.kind) {
    case 'member-added':
      view.members.set(change.userId, { userId: change.userId, role: change.role, joinSequence: sequence });
      return;
    case 'member-removed':
      view.members.delete(change.userId);
      return;
    case 'role-changed': {
      const member = view.members.get(change.userId);
      if (member !== undefined) view.members.set(change.userId, { ...member, role: change.role });
      return;
    }
    case 'group-changed':
      view.info = { kind: 'group', name: change.name, historyForNewMembers: change.historyForNewMembers };
      return;
    case 'retention-changed':
      view.spans = withSpan(view.spans, { after: sequence, retention: change.retention });
      return;
    default:
  }
}
