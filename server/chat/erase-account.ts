import { isDeepStrictEqual } from 'node:util';
import { chunksOf } from '../core/chunks.ts';
import type { Change, NewEntry, UserChange } from '../core/entry.ts';
import { systemUser, threadLog, type UserId, userLog } from '../core/ids.ts';
import { type BlockRow, type ProfileRow, rowKey } from '../core/rows.ts';
import type { Store } from '../store/store.ts';
import { accountOf, defaultAccount } from './accounts.ts';
import type { Appender } from './appender.ts';
import type { Caller } from './caller.ts';
import { rowsUnder } from './rows-under.ts';
import { allSettingsOf, defaultSettings } from './thread-settings.ts';

/** Entries that one append has. */
const together = 100;

/**
 * Puts a user's profile, settings and blocks back to what they are for who was never there, in the history of their log too, and forgets
 * positions and last seen.
 */
export async function eraseAccount(
  { store, appender }: { readonly store: Store; readonly appender: Appender },
  { deviceId }: Caller,
  userId: UserId,
  nowMs: number,
): Promise<void> {
  const changes = await changesOf(store, userId);
  for (const some of chunksOf(changes, together)) {
    const entries = some.map((change): NewEntry => {
      return { senderId: systemUser, deviceId, clientMessageId: '', fingerprint: '', change };
    });
    await appender.appendUser(userId, async () => entries);
  }
  await rewriteLog(store, userId);
  const threads = (await store.inbox(userId, 0)).map(({ threadId }) => threadId);
  const heads = await store.heads(threads.map(threadLog));
  const removed = (await store.devices(userId)).filter((device) => device.removed);
  await store.forgetPositions(
    userId,
    threads.map((threadId, at) => ({ threadId, upTo: heads[at]?.sequence ?? 0n })),
    removed.map((device) => device.deviceId),
  );
  await store.forgetSeen(userId, nowMs);
}

/** Entries of the user's own log that said what is nobody's any more say that the settings are as usual: which every reader may be told at any time. */
async function rewriteLog(store: Store, userId: UserId): Promise<void> {
  const log = userLog(userId);
  const end = (await store.head(log))?.sequence ?? 0n;
  const change = { kind: 'account-settings-changed', ...defaultAccount } as const;
  for (let after = 0n; after < end;) {
    const page = await store.entries(log, { after, upTo: end, limit: 500 });
    const last = page.at(-1);
    if (last === undefined) return;
    const told = page.filter((entry) => isTelling(entry.change) && !isDeepStrictEqual(entry.change, change));
    await store.rewrite(
      log,
      told.map((entry) => ({ ...entry, change })),
    );
    after = last.sequence;
  }
}

function isTelling({ kind }: Change): boolean {
  return (
    kind === 'profile-changed' ||
    kind === 'account-settings-changed' ||
    kind === 'block-changed' ||
    kind === 'thread-settings-changed'
  );
}

/** None where all is as usual: so it may be done again. */
async function changesOf(store: Store, userId: UserId): Promise<UserChange[]> {
  const changes: UserChange[] = [];
  const profile = (await store.row(userLog(userId), rowKey.profile))?.value as ProfileRow | undefined;
  if (profile !== undefined && (profile.displayName !== '' || profile.avatarUrl !== '')) {
    changes.push({ kind: 'profile-changed', displayName: '', avatarUrl: '' });
  }
  if (!isDeepStrictEqual(await accountOf(store, userId), defaultAccount)) {
    changes.push({ kind: 'account-settings-changed', ...defaultAccount });
  }
  for await (const rows of rowsUnder(store, userLog(userId), rowKey.block(''))) {
    for (const { key, value } of rows) {
      if (!(value as BlockRow).blocked) continue;
      changes.push({ kind: 'block-changed', userId: key.slice(rowKey.block('').length) as UserId, blocked: false });
    }
  }
  for (const [threadId, { settings }] of await allSettingsOf(store, userId)) {
    if (isDeepStrictEqual(settings, defaultSettings)) continue;
    changes.push({ kind: 'thread-settings-changed', threadId, ...defaultSettings });
  }
  return changes;
}
