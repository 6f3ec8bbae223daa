import { type UserId, userLog } from '../core/ids.ts';
import { type AccountRow, type BlockRow, rowKey } from '../core/rows.ts';
import type { Store } from '../store/store.ts';

/** What holds for an account until its user says otherwise. */
export const defaultAccount: AccountRow = { directPolicy: 'anyone', readPrivately: false, hidePresence: false };

export async function accountOf(store: Store, userId: UserId, signal?: AbortSignal): Promise<AccountRow> {
  const row = await store.row(userLog(userId), rowKey.account, signal);
  return (row?.value as AccountRow | undefined) ?? defaultAccount;
}

/** Whether `by` has blocked `userId`. */
export async function hasBlocked(store: Store, by: UserId, userId: UserId, signal?: AbortSignal): Promise<boolean> {
  const row = await store.row(userLog(by), rowKey.block(userId), signal);
  return (row?.value as BlockRow | undefined)?.blocked === true;
}

/** Whether either has blocked the other. */
export async function isBlockBetween(store: Store, a: UserId, b: UserId, signal?: AbortSignal): Promise<boolean> {
  if (a === b) return false;
  const [first, second] = await Promise.all([hasBlocked(store, a, b, signal), hasBlocked(store, b, a, signal)]);
  return first || second;
}
