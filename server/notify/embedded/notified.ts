import type { DeviceId, ThreadId, UserId } from '../../core/ids.ts';
import { keptMs, type NewJob } from '../queue.ts';
import type { Journal } from './journal.ts';

/** What a device shows of a thread: nothing; or something, as far as is known; or nothing yet, since what was put for it still waits. */
type Shown = 'nothing' | 'something' | 'waiting';

/** Of one user and thread: [up to where a push was put, what is shown], by device. */
interface Kept {
  readonly atMs: number;
  readonly of: Record<string, [sequence: string, shown: Shown]>;
}

const prefix = 'notified ';
const sweepEveryMs = 86_400_000;

/** Up to where devices were notified. On disk; what was not touched for 30 days goes. */
export class Notified {
  readonly #journal: Journal;
  #sweptMs = -Infinity;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  of(threadId: ThreadId, userId: UserId, nowMs: number): ReadonlyMap<DeviceId, bigint> {
    const entries = Object.entries(this.#read(threadId, userId, nowMs).of);
    return new Map(entries.map(([device, [sequence]]) => [device as DeviceId, BigInt(sequence)]));
  }

  /** A push is put; `merged`: into one that nobody has tried yet; `withdraws`: what the device shows is still to be withdrawn. */
  raise(
    { threadId, userId, deviceId, upTo }: NewJob,
    { merged, withdraws }: { readonly merged: boolean; readonly withdraws: boolean },
    nowMs: number,
  ): void {
    const { of } = this.#read(threadId, userId, nowMs);
    const [sequence, shown] = of[deviceId] ?? ['0', 'nothing'];
    if (BigInt(sequence) >= upTo) return;
    // A withdrawal that was not sent gives way to the push: what it was about is still shown.
    const waits = (shown === 'nothing' && !withdraws) || (shown === 'waiting' && merged);
    const after = { ...of, [deviceId]: [upTo.toString(), waits ? 'waiting' : 'something'] satisfies [string, Shown] };
    this.#write(threadId, userId, { atMs: nowMs, of: after });
  }

  /** Gives those that were notified up to there, and not withdrawn since; they are taken to show nothing from now on. `waits`: nothing was shown yet. */
  takeOutstanding(
    threadId: ThreadId,
    userId: UserId,
    upTo: bigint,
    nowMs: number,
  ): { readonly deviceId: DeviceId; readonly sequence: bigint; readonly waits: boolean }[] {
    const { of } = this.#read(threadId, userId, nowMs);
    const outstanding = Object.entries(of).filter(
      ([, [sequence, shown]]) => shown !== 'nothing' && BigInt(sequence) <= upTo,
    );
    if (outstanding.length === 0) return [];
    const after = { ...of };
    for (const [device, [sequence]] of outstanding) after[device] = [sequence, 'nothing'];
    this.#write(threadId, userId, { atMs: nowMs, of: after });
    return outstanding.map(([device, [sequence, shown]]) => ({
      deviceId: device as DeviceId,
      sequence: BigInt(sequence),
      waits: shown === 'waiting',
    }));
  }

  /** Gives whose it was. */
  forget(threadId: ThreadId, userId: UserId, nowMs: number): Iterable<DeviceId> {
    const devices = this.of(threadId, userId, nowMs).keys();
    this.#journal.put(`${prefix}${threadId} ${userId}`, undefined);
    return devices;
  }

  /** Once a day. */
  async sweep(nowMs: number): Promise<void> {
    if (nowMs - this.#sweptMs < sweepEveryMs) return;
    this.#sweptMs = nowMs;
    await this.#journal.scan(prefix, (key, value) => {
      if ((JSON.parse(value) as Kept).atMs <= nowMs - keptMs) this.#journal.put(key, undefined);
    });
  }

  #read(threadId: ThreadId, userId: UserId, nowMs: number): Kept {
    const value = this.#journal.get(`${prefix}${threadId} ${userId}`);
    const kept = value === undefined ? undefined : (JSON.parse(value) as Kept);
    return kept === undefined || kept.atMs <= nowMs - keptMs ? { atMs: nowMs, of: {} } : kept;
  }

  #write(threadId: ThreadId, userId: UserId, kept: Kept): void {
    this.#journal.put(`${prefix}${threadId} ${userId}`, JSON.stringify(kept));
  }
}
