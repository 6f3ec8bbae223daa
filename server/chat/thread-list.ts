import type { Clock } from '../core/clock.ts';
import { Refusal } from '../core/errors.ts';
import { type ThreadId, type UserId, threadLog, userLog } from '../core/ids.ts';
import type { ThreadSettingsRow } from '../core/rows.ts';
import type { Store } from '../store/store.ts';
import type { Access, ReaderAccess } from './access.ts';
import type { Caller } from './caller.ts';
import type { Heads } from './heads.ts';
import type { PageTokens } from './page-token.ts';
import { allSettingsOf, defaultSettings } from './thread-settings.ts';
import type { Thread, Threads } from './threads.ts';

/** Clocks of nodes may differ by this much. */
const clockSkewMs = 5_000;

interface Listed {
  readonly threadId: ThreadId;
  readonly activityMs: number;
  readonly settings: ThreadSettingsRow;
  /** Sequence in the user's log at which the settings changed; 0 = never. */
  readonly settingsSequence: bigint;
}

/** Where a list goes on. */
interface Place {
  /** When it began: wall ms, and the user log's head then. What changed since may have moved up past the place. */
  readonly startMs: number;
  readonly startSequence: bigint;
  /** The last thread told in order of the list; undefined = that is done, and those that moved up are being told by id. */
  readonly last: (Pick<Listed, 'threadId' | 'activityMs'> & { readonly pinned: boolean }) | undefined;
  readonly movedAfter: string;
}

/**
 * The list of one's threads: pinned ones first, then by activity, newest first.
 *
 * A page goes on below the last thread of the page before. What moves up meanwhile would be passed over: so when the list is through, whatever
 * changed since it began is told again, in order of ids. A thread may be told twice, none is left out.
 */
export class ThreadList {
  readonly #store: Store;
  readonly #access: Access;
  readonly #heads: Heads;
  readonly #threads: Threads;
  readonly #tokens: PageTokens;
  readonly #clock: Clock;

  constructor(options: {
    readonly store: Store;
    readonly access: Access;
    readonly heads: Heads;
    readonly threads: Threads;
    readonly tokens: PageTokens;
    readonly clock: Clock;
  }) {
    this.#store = options.store;
    this.#access = options.access;
    this.#heads = options.heads;
    this.#threads = options.threads;
    this.#tokens = options.tokens;
    this.#clock = options.clock;
  }

  /** @throws Refusal INVALID_TOKEN */
  async list(
    caller: Caller,
    request: { readonly limit: number; readonly pageToken: string; readonly archived: boolean },
  ): Promise<{ readonly threads: readonly Thread[]; readonly nextPageToken: string }> {
    const { userId, signal } = caller;
    const scope = ['ListThreads', userId, String(request.archived)];
    const place =
      placeOf(this.#tokens.read(scope, request.pageToken, placeParts)) ?? (await this.#start(userId, signal));
    const all = await this.#all(userId, request.archived, signal);
    const page: Listed[] = [];
    let next: Place | undefined = place;
    if (place.last !== undefined || request.pageToken === '') {
      const { last } = place;
      const below = last === undefined ? all : all.filter((one) => compareListed(one, listedOf(last)) > 0);
      page.push(...below.slice(0, request.limit));
      const end = page.at(-1);
      if (below.length > request.limit && end !== undefined) {
        next = { ...place, last: { threadId: end.threadId, activityMs: end.activityMs, pinned: end.settings.pinned } };
      } else {
        // Told whole in one page: nothing can have moved.
        next = request.pageToken === '' ? undefined : { ...place, last: undefined };
      }
    }
    if (next !== undefined && next.last === undefined) next = addMoved(page, all, next, request.limit);
    return {
      threads: await this.#describe(caller, page),
      nextPageToken: next === undefined ? '' : this.#tokens.make(scope, partsOf(next)),
    };
  }

  async #start(userId: UserId, signal?: AbortSignal): Promise<Place> {
    const head = await this.#store.head(userLog(userId), signal);
    const startMs = this.#clock.nowMs() - clockSkewMs;
    return { startMs, startSequence: head?.sequence ?? 0n, last: undefined, movedAfter: '' };
  }

  /** Memberships in order of the list. */
  async #all(userId: UserId, archived: boolean, signal?: AbortSignal): Promise<Listed[]> {
    const [inbox, settings] = await Promise.all([
      this.#store.inbox(userId, 0, signal),
      allSettingsOf(this.#store, userId, signal),
    ]);
    const large = inbox.filter((row) => row.member && row.large).map((row) => row.threadId);
    const largeHeads = await this.#store.heads(large.map(threadLog), signal);
    const activity = new Map(large.map((threadId, index) => [threadId, largeHeads[index]?.activityMs ?? 0]));
    const all: Listed[] = [];
    for (const row of inbox) {
      if (!row.member) continue;
      const set = settings.get(row.threadId);
      const own = set?.settings ?? defaultSettings;
      if (own.archived !== archived) continue;
      const { threadId } = row;
      const activityMs = activity.get(threadId) ?? row.activityMs;
      all.push({ threadId, activityMs, settings: own, settingsSequence: set?.sequence ?? 0n });
    }
    return all.toSorted(compareListed);
  }

  async #describe(caller: Caller, page: readonly Listed[]): Promise<Thread[]> {
    const accesses = await Promise.all(page.map((one) => this.#accessOf(caller, one.threadId)));
    const held: { readonly access: ReaderAccess; readonly settings: ThreadSettingsRow }[] = [];
    page.forEach(({ settings }, index) => {
      const access = accesses[index];
      if (access?.member !== undefined) held.push({ access, settings });
    });
    const heads = await this.#heads.all(
      caller.userId,
      caller.deviceId,
      held.map(({ access }) => access),
      caller.signal,
    );
    return Promise.all(
      held.map(({ access, settings }, index) => {
        const head = heads[index];
        if (head === undefined) throw new Error('a head for each thread');
        return this.#threads.describe(caller, access, head, settings);
      }),
    );
  }

  /** The inbox points, the thread says what is true. */
  async #accessOf(caller: Caller, threadId: ThreadId): Promise<ReaderAccess | undefined> {
    try {
      return await this.#access.reader(caller.userId, threadId, caller.signal);
    } catch (error) {
      if (error instanceof Refusal && error.reason === 'THREAD_NOT_FOUND') return undefined;
      throw error;
    }
  }
}

/** Adds those that may have moved up, as many as there is room for. Gives the place that they end at. */
function addMoved(page: Listed[], all: readonly Listed[], place: Place, limit: number): Place | undefined {
  const told = new Set(page.map((one) => one.threadId));
  const moved = all
    .filter((one) => one.activityMs >= place.startMs || one.settingsSequence > place.startSequence)
    .filter((one) => one.threadId > place.movedAfter && !told.has(one.threadId))
    .toSorted((a, b) => (a.threadId < b.threadId ? -1 : 1));
  const room = limit - page.length;
  page.push(...moved.slice(0, room));
  if (moved.length <= room) return undefined;
  return { ...place, last: undefined, movedAfter: room === 0 ? place.movedAfter : (page.at(-1)?.threadId ?? '') };
}

function compareListed(a: Listed, b: Listed): number {
  if (a.settings.pinned !== b.settings.pinned) return a.settings.pinned ? -1 : 1;
  if (a.activityMs !== b.activityMs) return b.activityMs - a.activityMs;
  return a.threadId < b.threadId ? -1 : a.threadId > b.threadId ? 1 : 0;
}

function listedOf(last: NonNullable<Place['last']>): Listed {
  const { threadId, activityMs, pinned } = last;
  return { threadId, activityMs, settings: { ...defaultSettings, pinned }, settingsSequence: 0n };
}

const placeParts = 6;

function partsOf({ startMs, startSequence, last, movedAfter }: Place): string[] {
  const pinned = last === undefined ? '' : last.pinned ? '1' : '0';
  return [
    String(startMs),
    String(startSequence),
    pinned,
    String(last?.activityMs ?? 0),
    last?.threadId ?? '',
    movedAfter,
  ];
}

function placeOf(parts: readonly string[] | undefined): Place | undefined {
  if (parts === undefined) return undefined;
  const [startMs = '', startSequence = '', pinned = '', activityMs = '', threadId = '', movedAfter = ''] = parts;
  const last =
    pinned === ''
      ? undefined
      : { pinned: pinned === '1', activityMs: Number(activityMs), threadId: threadId as ThreadId };
  return { startMs: Number(startMs), startSequence: BigInt(startSequence), last, movedAfter };
}
