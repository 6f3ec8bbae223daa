import { type ThreadId, type UserId, userLog } from '../core/ids.ts';
import { rowKey, type ThreadSettingsRow } from '../core/rows.ts';
import type { Store } from '../store/store.ts';
import { rowsUnder } from './rows-under.ts';

/** What holds for a thread until its user says otherwise. */
export const defaultSettings: ThreadSettingsRow = { muteUntilMs: 0, pinned: false, archived: false };

/** A user's own settings of one thread. */
export async function settingsOf(
  store: Store,
  userId: UserId,
  threadId: ThreadId,
  signal?: AbortSignal,
): Promise<ThreadSettingsRow> {
  const row = await store.row(userLog(userId), rowKey.settings(threadId), signal);
  return (row?.value as ThreadSettingsRow | undefined) ?? defaultSettings;
}

/** All that the user has set, with the sequence in the user's log. */
export async function allSettingsOf(
  store: Store,
  userId: UserId,
  signal?: AbortSignal,
): Promise<Map<ThreadId, { readonly sequence: bigint; readonly settings: ThreadSettingsRow }>> {
  const all = new Map<ThreadId, { sequence: bigint; settings: ThreadSettingsRow }>();
  const prefix = rowKey.settings('');
  for await (const rows of rowsUnder(store, userLog(userId), prefix, { signal })) {
    for (const { key, sequence, value } of rows) {
      all.set(key.slice(prefix.length) as ThreadId, { sequence, settings: value as ThreadSettingsRow });
    }
  }
  return all;
}
