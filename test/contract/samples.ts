// What the contract suites append. Ids are new for each call, so that a suite can run on a store that others use too.
import { createHash, randomUUID } from 'node:crypto';
import {
  type Body,
  type Change,
  changesMembers,
  type Entry,
  emptyBody,
  type Head,
  isMessage,
  type NewEntry,
} from '../../server/core/entry.ts';
import { type DeviceId, type LogId, type ThreadId, threadLog, type UserId } from '../../server/core/ids.ts';
import type { Append, AppendResult, InboxUpdate, Store } from '../../server/store/store.ts';

export const laptop = 'laptop' as DeviceId;
export const phone = 'phone' as DeviceId;
export const nowMs = Date.UTC(2026, 0, 5, 12);
export const dayMs = 86_400_000;

export function newUser(name = 'user'): UserId {
  return `${name}-${randomUUID()}` as UserId;
}

export function newThread(kind: 'd' | 'g' = 'g'): ThreadId {
  return `${kind}_${randomUUID()}` as ThreadId;
}

export function newLog(): LogId {
  return threadLog(newThread());
}

export function text(content: string): Body {
  return { ...emptyBody, content: { text: content } };
}

export function message(content: string, more: Partial<NewEntry> = {}): NewEntry {
  const id = more.clientMessageId ?? randomUUID();
  return {
    senderId: 'alice' as UserId,
    deviceId: phone,
    clientMessageId: id,
    fingerprint: id === '' ? '' : createHash('sha256').update(content).digest('base64url'),
    change: { kind: 'message', replyTo: 0n, body: text(content), editSequence: 0n, deleteSequence: 0n },
    ...more,
  };
}

/** A change that is not a message, without an id. */
export function change(what: Change, senderId = 'alice' as UserId): NewEntry {
  return { senderId, deviceId: phone, clientMessageId: '', fingerprint: '', change: what };
}

export function edited(target: bigint, content: string): NewEntry {
  return change({ kind: 'message-edited', target, body: text(content) });
}

export function deleted(target: bigint): NewEntry {
  return change({ kind: 'message-deleted', target });
}

export function created(...members: UserId[]): NewEntry {
  return change({
    kind: 'thread-created',
    threadKind: 'group',
    members: members.map((userId, at) => ({ userId, role: at === 0 ? 'owner' : 'member' })),
    name: 'a group',
    historyForNewMembers: true,
  });
}

export function appendOf(head: Append['expected'], entries: readonly NewEntry[], more: Partial<Append> = {}): Append {
  return { expected: head, entries, nowMs, inbox: [], ...more };
}

/** Appends, and fails the test unless it was taken. */
export async function append(
  store: Store,
  log: LogId,
  head: Append['expected'],
  entries: readonly NewEntry[],
  more: Partial<Append> = {},
): Promise<{ readonly head: Head; readonly entries: readonly Entry[] }> {
  return appended(await store.append(log, appendOf(head, entries, more)));
}

export function appended(result: AppendResult): { readonly head: Head; readonly entries: readonly Entry[] } {
  if (result.outcome !== 'appended') throw new Error(`expected an append to be taken, but it was a ${result.outcome}`);
  return result;
}

export function members(...users: UserId[]): InboxUpdate[] {
  return users.map((userId) => ({ userId, visibleFrom: 1n, member: true }));
}

/** Everything in a log. */
export function all(store: Store, log: LogId): Promise<Entry[]> {
  return store.entries(log, { after: 0n, upTo: 1n << 40n, limit: 1_000 });
}

/** Where the log stands after `entries`, by the rules of the door. */
export function headAfter(
  head: Head | undefined,
  entries: readonly NewEntry[],
): Pick<Head, 'sequence' | 'membersSequence'> {
  let sequence = head?.sequence ?? 0n;
  let membersSequence = head?.membersSequence ?? 0n;
  for (const entry of entries) {
    sequence++;
    if (changesMembers(entry.change)) membersSequence = sequence;
  }
  return { sequence, membersSequence };
}

export function textOf(entry: Entry | undefined): string | undefined {
  const what = entry?.change;
  if (what === undefined || (what.kind !== 'message' && what.kind !== 'message-edited')) return undefined;
  const content = what.body.content;
  return content === undefined || !('text' in content) ? undefined : content.text;
}

export function countMessages(entries: readonly NewEntry[]): bigint {
  return BigInt(entries.filter((entry) => isMessage(entry.change)).length);
}
