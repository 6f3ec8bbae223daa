import { Refusal } from '../core/errors.ts';
import { highest } from '../core/highest.ts';
import type { DeviceId, ThreadId, UserId } from '../core/ids.ts';
import type { Receipts } from '../delivery/receipts.ts';
import type { ThreadViews } from '../delivery/thread-views.ts';
import type { Position, Store } from '../store/store.ts';
import type { Access } from './access.ts';
import type { Caller } from './caller.ts';
import { compareIds, pageOfIds } from './order.ts';
import type { PageTokens } from './page-token.ts';

/** Someone's positions in a thread, as far as the asker may see them. */
export interface Receipt {
  readonly userId: UserId;
  readonly delivered: bigint;
  /** 0 = nothing, or not for the asker to see. */
  readonly read: bigint;
  /** Wall ms when either last grew; 0 = never, or not for the asker to see. */
  readonly updateMs: number;
}

export interface ThreadPosition {
  readonly threadId: ThreadId;
  readonly upTo: bigint;
}

const positionsPerRead = 5_000;

export interface PositionsOptions {
  readonly store: Store;
  readonly views: ThreadViews;
  readonly access: Access;
  readonly receipts: Receipts;
  readonly tokens: PageTokens;
}

/** Who has what. Positions only grow. */
export class Positions {
  readonly #options: PositionsOptions;

  constructor(options: PositionsOptions) {
    this.#options = options;
  }

  /** The device holds the threads up to there. All are checked before any is noted. @throws Refusal THREAD_NOT_FOUND, POSITION_AHEAD */
  async acknowledge(caller: Caller, deviceId: DeviceId, positions: readonly ThreadPosition[]): Promise<void> {
    const { receipts } = this.#options;
    await this.#check(caller, positions);
    for (const { threadId, upTo } of positions) {
      if (upTo > 0n) receipts.advanceDelivered(caller.userId, deviceId, threadId, upTo);
    }
    await this.#settle();
  }

  /** The user has read the threads up to there. @throws Refusal THREAD_NOT_FOUND, POSITION_AHEAD */
  async markRead(caller: Caller, positions: readonly ThreadPosition[]): Promise<void> {
    const { receipts } = this.#options;
    await this.#check(caller, positions);
    for (const { threadId, upTo } of positions) {
      if (upTo > 0n) receipts.advanceRead(caller.userId, threadId, upTo, caller.sessionId);
    }
    await this.#settle();
  }

  /** Each member's, in order of ids. @throws Refusal THREAD_NOT_FOUND, INVALID_TOKEN */
  async list(
    caller: Caller,
    threadId: ThreadId,
    request: { readonly limit: number; readonly pageToken: string },
  ): Promise<{ readonly receipts: readonly Receipt[]; readonly nextPageToken: string }> {
    const { access, tokens } = this.#options;
    const { userId, signal } = caller;
    const { view } = await access.member(userId, threadId, signal);
    const scope = ['ListReceipts', userId, threadId];
    const after = tokens.read(scope, request.pageToken, 1)?.[0] ?? '';
    const page = pageOfIds(view.members.keys(), after, request.limit + 1);
    const users = page.slice(0, request.limit);
    const last = users.at(-1);
    const positions = await this.#between(threadId, after, last, signal);
    const receipts = await Promise.all(
      users.map(async (user): Promise<Receipt> => {
        const sight = await access.canSeeReceipts(userId, user, view, signal);
        if (!sight.delivered) return { userId: user, delivered: 0n, read: 0n, updateMs: 0 };
        const position = positions.get(user);
        const join = view.members.get(user)?.joinSequence ?? 1n;
        // Positions of who was added later begin at the join.
        const start = join > 1n ? join : 0n;
        return {
          userId: user,
          delivered: highest(position?.delivered ?? 0n, start),
          read: sight.read ? highest(position?.read ?? 0n, start) : 0n,
          updateMs: position?.updateMs ?? 0,
        };
      }),
    );
    return {
      receipts,
      nextPageToken: page.length > request.limit && last !== undefined ? tokens.make(scope, [last]) : '',
    };
  }

  async #check(caller: Caller, positions: readonly ThreadPosition[]): Promise<void> {
    await Promise.all(positions.map((position) => this.#checkOne(caller, position)));
  }

  async #checkOne(caller: Caller, { threadId, upTo }: ThreadPosition): Promise<void> {
    const { access, views } = this.#options;
    let reader = await access.reader(caller.userId, threadId, caller.signal);
    if (upTo > reader.visibleTo && reader.member !== undefined) {
      // What this node keeps of the thread may be behind.
      await views.refresh(threadId);
      reader = await access.reader(caller.userId, threadId, caller.signal);
    }
    if (upTo <= reader.visibleTo) return;
    throw new Refusal('POSITION_AHEAD', 'the position is above the head of the thread');
  }

  /** An answer means stored. */
  async #settle(): Promise<void> {
    await this.#options.receipts.settled();
  }

  /** Positions of the users above `after` up to `last`. */
  async #between(
    threadId: ThreadId,
    after: string,
    last: UserId | undefined,
    signal?: AbortSignal,
  ): Promise<Map<UserId, Position>> {
    const found = new Map<UserId, Position>();
    let from = after;
    while (last !== undefined) {
      const range = { limit: positionsPerRead, ...(from === '' ? {} : { after: from as UserId }) };
      const read = await this.#options.store.positions(threadId, range, signal);
      for (const position of read) found.set(position.userId, position);
      const end = read.at(-1)?.userId;
      if (read.length < positionsPerRead || end === undefined || compareIds(end, last) >= 0) break;
      from = end;
    }
    return found;
  }
}
