// Entries, drafts and states as lines of text.
import type { Entry } from '#proto/parley/v1/entry.ts';
import type { Presence } from '#proto/parley/v1/presence.ts';
import type { Message } from '#proto/parley/v1/thread.ts';
import type { ConnectionState } from '../core/connection-state.ts';
import { textOf } from '../core/fold.ts';
import type { Ticks } from '../core/receipts.ts';
import { msOf } from '../core/times.ts';
import type { ConnectionLine } from './view.ts';

type NameOf = (userId: string) => string;

const roles = ['nobody', 'member', 'admin', 'owner'];
/** PresenceState of the wire. */
const online = 1;
const offline = 2;
const unknown = 3;

export function roleName(role: number): string {
  return roles[role] ?? 'member';
}

/** What a message says, for people: also what is not text. */
export function bodyOf(message: Message): string {
  if (message.deleteSequence > 0n) return '(deleted)';
  if (message.erased) return '(no longer kept)';
  const text = textOf(message.content);
  const opaque = message.content?.body?.$case === 'opaque' ? message.content.body.value.length : undefined;
  const attachments = message.attachments.map(({ name, uri }) => `[${name === '' ? uri : name}]`);
  if (opaque !== undefined) attachments.unshift(`[${opaque} bytes of ${message.content?.contentType ?? 'unknown'}]`);
  return [text, ...attachments].filter((part) => part !== undefined && part !== '').join(' ') || '(nothing)';
}

/** `(edited)` and the reactions. */
export function extrasOf(message: Message): string {
  const reactions = message.reactions.map(
    ({ emoji, count, mine }) => `${emoji}${count > 1 ? count : ''}${mine ? '*' : ''}`,
  );
  const edited = message.editSequence > 0n && message.deleteSequence === 0n ? ['(edited)'] : [];
  return [...edited, ...reactions].join(' ');
}

/** What a change of a thread says. */
export function changeOf(entry: Entry, name: NameOf): string {
  const { kind } = entry;
  const who = name(entry.senderId);
  switch (kind?.$case) {
    case 'threadCreated':
      return kind.value.name === '' ? `${who} began this thread` : `${who} made the group ${kind.value.name}`;
    case 'memberAdded':
      return `${who} added ${name(kind.value.userId)}`;
    case 'memberRemoved':
      return kind.value.userId === entry.senderId ? `${who} left` : `${who} removed ${name(kind.value.userId)}`;
    case 'roleChanged':
      return `${who} made ${name(kind.value.userId)} ${roleName(kind.value.role)}`;
    case 'groupChanged':
      return `${who} changed the group: ${kind.value.name}`;
    case 'retentionChanged':
      return `${who} changed how long messages are kept`;
    case 'message':
    case 'messageEdited':
    case 'messageDeleted':
    case 'reactionChanged':
      return '';
    case undefined:
      return 'something that this version cannot show';
  }
}

/** The marks behind one’s own message. */
export function ticksOf({ state, deliveredCount, readCount, memberCount }: Ticks): string {
  if (state === 'read') return '✓✓ read';
  const read = readCount > 0 ? ` read ${readCount}/${memberCount}` : '';
  if (state === 'delivered') return `✓✓${read}`;
  return deliveredCount > 0 ? `✓ ${deliveredCount}/${memberCount}${read}` : '✓';
}

export function presenceMark(presence: Presence | undefined): string {
  if (presence?.state === online) return '●';
  if (presence?.state === offline) return '○';
  return presence?.state === unknown ? '?' : '';
}

export function presenceText(presence: Presence | undefined, nowMs: number): string {
  if (presence?.state === online) return 'online';
  if (presence?.state === unknown) return 'presence unknown';
  if (presence?.state !== offline) return '';
  const seenMs = msOf(presence.lastSeenTime);
  return seenMs === undefined ? 'offline' : `last seen ${agoText(nowMs - seenMs)}`;
}

function agoText(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ago`;
  return `${Math.floor(minutes / 1440)} days ago`;
}

/** Hour and minute, local. */
export function timeOf(time: { readonly seconds: bigint; readonly nanos: number } | undefined): string {
  const ms = msOf(time);
  if (ms === undefined) return '--:--';
  const date = new Date(ms);
  return `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`;
}

/** Where the connection stands, honestly. `forMs`: since when; `target`: whom it is to be with. */
export function connectionLine(state: ConnectionState, forMs: number, target: string): ConnectionLine {
  switch (state.phase) {
    case 'idle':
      return { mark: '◌', text: 'starting' };
    case 'connecting':
      return { mark: '◌', text: state.failures === 0 ? 'connecting' : `connecting, try ${state.failures + 1}` };
    case 'live':
      return { mark: '●', text: 'live' };
    case 'waiting': {
      const leftS = Math.max(0, Math.ceil((state.retryInMs - forMs) / 1000));
      const why = state.error?.code === 16 ? 'token refused' : 'offline';
      return { mark: '○', text: `${why}, next try in ${leftS} s (${target})` };
    }
    case 'closed':
      return { mark: '✕', text: closedText(state) };
  }
}

function closedText(state: Extract<ConnectionState, { phase: 'closed' }>): string {
  switch (state.reason) {
    case 'asked':
      return 'closed';
    case 'superseded':
      return 'closed: this device is open elsewhere';
    case 'signed-out':
      return 'closed: signed out';
    case 'unauthenticated':
      return 'closed: the token is refused';
    case 'refused':
      return `closed: ${state.error?.message ?? 'refused'}`;
  }
}
