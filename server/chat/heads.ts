import { type DeviceId, type ThreadId, type UserId, noDevice, threadLog } from '../core/ids.ts';
import { Lru } from '../core/lru.ts';
import type { ThreadHeadFrame } from '../delivery/frames.ts';
import type { Position, Store } from '../store/store.ts';
import type { ReaderAccess } from './access.ts';
import { entryAt, messagesBefore } from './places.ts';

/** Joins remembered, about 120 bytes each. */
const rememberedJoins = 20_000;

/** Where threads stand, for one user and device. */
export class Heads {
  readonly #store: Store;
  readonly #ordinalsBefore = new Lru<string, bigint>(rememberedJoins);

  constructor(store: Store) {
    this.#store = store;
  }

  async of(userId: UserId, deviceId: DeviceId, access: ReaderAccess, signal?: AbortSignal): Promise<ThreadHeadFrame> {
    const [head] = await this.all(userId, deviceId, [access], signal);
    if (head === undefined) throw new Error('a head for each thread');
    return head;
  }

  /** In the order given. One read of positions for all. */
  async all(
    userId: UserId,
    deviceId: DeviceId,
    accesses: readonly ReaderAccess[],
    signal?: AbortSignal,
  ): Promise<ThreadHeadFrame[]> {
    if (accesses.length === 0) return [];
    const ids = accesses.map(({ view }) => view.threadId);
    const [positions, delivered] = await Promise.all([
      this.#store.positionsOf(userId, ids, signal),
      deviceId === noDevice ? undefined : this.#store.devicePositions(userId, deviceId, ids, signal),
    ]);
    return Promise.all(
      accesses.map((access, index) => this.#head(access, positions[index], delivered?.[index] ?? 0n, signal)),
    );
  }

  async #head(
    access: ReaderAccess,
    position: Position | undefined,
    delivered: bigint,
    signal?: AbortSignal,
  ): Promise<ThreadHeadFrame> {
    const { view, member, visibleFrom, visibleTo, joinSequence } = access;
    const { threadId, head, info } = view;
    const end = member === undefined ? await entryAt(this.#store, threadLog(threadId), visibleTo, signal) : undefined;
    const ordinal = end === undefined ? head.ordinal : end.ordinal;
    let read = position?.read ?? 0n;
    let readOrdinal = position?.readOrdinal ?? 0n;
    // Positions of who was added later begin at the join, and begin again with the next one.
    if (joinSequence > 1n && read < joinSequence) {
      read = joinSequence;
      readOrdinal = await this.#ordinalBefore(threadId, head.epoch, joinSequence, signal);
    }
    return {
      threadId,
      kind: info.kind,
      epoch: head.epoch,
      sequence: visibleTo,
      ordinal,
      visibleFrom,
      unread: ordinal > readOrdinal ? ordinal - readOrdinal : 0n,
      read,
      delivered,
      activityMs: end === undefined ? head.activityMs : end.createTimeMs,
      member: member !== undefined,
    };
  }

  async #ordinalBefore(threadId: ThreadId, epoch: bigint, join: bigint, signal?: AbortSignal): Promise<bigint> {
    const key = `${threadId}/${epoch}/${join}`;
    const kept = this.#ordinalsBefore.get(key);
    if (kept !== undefined) return kept;
    const ordinal = await messagesBefore(this.#store, threadLog(threadId), join, signal);
    this.#ordinalsBefore.set(key, ordinal);
    return ordinal;
  }
}
