import type { Entry } from '../core/entry.ts';
import { isMessage } from '../core/entry.ts';
import type { LogId } from '../core/ids.ts';
import type { Store } from '../store/store.ts';

/** Finds places in a log. Ordinals and times never fall along it, so that a search reads about log2(entries) of them. */

export async function entryAt(
  store: Store,
  log: LogId,
  sequence: bigint,
  signal?: AbortSignal,
): Promise<Entry | undefined> {
  if (sequence < 1n) return undefined;
  const [entry] = await store.entries(log, { after: sequence - 1n, upTo: sequence, limit: 1 }, signal);
  return entry;
}

/** Messages below a sequence. */
export async function messagesBefore(
  store: Store,
  log: LogId,
  sequence: bigint,
  signal?: AbortSignal,
): Promise<bigint> {
  if (sequence <= 1n) return 0n;
  const entry = await entryAt(store, log, sequence, signal);
  if (entry === undefined) return 0n;
  return isMessage(entry.change) ? entry.ordinal - 1n : entry.ordinal;
}

/** The lowest sequence of `from` to `to` whose entry is far enough; `to` + 1 = none is. */
export async function firstWhere(
  store: Store,
  log: LogId,
  bounds: { readonly from: bigint; readonly to: bigint },
  isFarEnough: (entry: Entry) => boolean,
  signal?: AbortSignal,
): Promise<bigint> {
  let low = bounds.from;
  let high = bounds.to + 1n;
  while (low < high) {
    const middle = (low + high) / 2n;
    const entry = await entryAt(store, log, middle, signal);
    if (entry === undefined || isFarEnough(entry)) high = middle;
    else low = middle + 1n;
  }
  return low;
}

/** Entries that are looked at for the last message before it is searched for. */
const nearEnd = 16;

/** The last message from `from` up to `to`; `ordinal` is that of the entry at `to`. */
export async function lastMessage(
  store: Store,
  log: LogId,
  bounds: { readonly from: bigint; readonly to: bigint; readonly ordinal: bigint },
  signal?: AbortSignal,
): Promise<Entry | undefined> {
  const { from, to, ordinal } = bounds;
  if (ordinal === 0n || to < from) return undefined;
  const range = { after: from - 1n, upTo: to, limit: nearEnd, fromEnd: true };
  const near = await store.entries(log, range, signal);
  const last = near.findLast((entry) => isMessage(entry.change));
  if (last !== undefined) return last;
  const first = near[0];
  if (first === undefined || first.sequence <= from) return undefined;
  const before = { from, to: first.sequence - 1n };
  const found = await firstWhere(store, log, before, (entry) => entry.ordinal >= ordinal, signal);
  const entry = await entryAt(store, log, found, signal);
  // What has this ordinal first is the message; below `from` it is not for the caller to see.
  return entry !== undefined && isMessage(entry.change) && entry.ordinal === ordinal ? entry : undefined;
}
