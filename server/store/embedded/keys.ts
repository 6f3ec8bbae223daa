import type { DeviceId, LogId, ThreadId, UserId } from '../../core/ids.ts';
import type { Due } from '../store.ts';

/**
 * Keys: text whose order as UTF-8 is the order wanted. The first letter names the table. `\0` ends an id, which holds
 * none, so no key begins like another id's. Numbers are big-endian, seven bits a character, so that each is one byte.
 *
 *   E log \0 sequence          entry with its present body
 *   D log \0 sender \0 id      what a client_message_id was appended as
 *   H log                      head
 *   R log \0 key               row
 *   P thread \0 user           a user's positions
 *   V user \0 device \0 thread what a device holds
 *   I user \0 thread           inbox row
 *   A user \0 day thread       thread whose last change was on that day (empty value)
 *   L user \0 thread           large thread the user is a member of (empty value)
 *   S user                     last seen
 *   G user \0 device           a device
 *   T push token               the device that has it
 *   B minute thread            thread whose bodies are to be looked at then (empty value)
 *   K thread                   up to where a thread's bodies have been erased
 *   X name                     secret
 *   Z                          there while a restore is under way, and when one was broken off
 *   \0, \x7f                   written by compact alone, to span all the others
 */
export type Key = string;

/** A thread, or how those begin that are looked for. */
type ThreadFrom = ThreadId | '' | 'g_';

/** Below 2^49. */
export function orderedNumber(value: number): string {
  const high = Math.floor(value / 0x1000_0000);
  const low = value % 0x1000_0000;
  return String.fromCharCode(
    (high >>> 14) & 127,
    (high >>> 7) & 127,
    high & 127,
    (low >>> 21) & 127,
    (low >>> 14) & 127,
    (low >>> 7) & 127,
    low & 127,
  );
}

/** Reads what `orderedNumber` wrote at the end of a key. */
export function numberAtEnd(key: Key): number {
  let value = 0;
  for (let at = key.length - 7; at < key.length; at++) value = value * 128 + key.charCodeAt(at);
  return value;
}

/** Below 2^21. */
function orderedDay(day: number): string {
  return String.fromCharCode((day >>> 14) & 127, (day >>> 7) & 127, day & 127);
}

/** A minute is below 2^49 in seven characters behind the letter. */
export function dueOf(key: Key): Due {
  return { minute: numberAtEnd(key.slice(0, 8)), threadId: key.slice(8) as ThreadId };
}

/** The lowest text above every key that begins with the prefix, which ends in an ASCII character. */
export function endOf(prefix: string): Key {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

export const keys = {
  entry: (log: LogId, sequence: number): Key => `E${log}\0${orderedNumber(sequence)}`,
  id: (log: LogId, sender: UserId, clientMessageId: string): Key => `D${log}\0${sender}\0${clientMessageId}`,
  head: (log: LogId): Key => `H${log}`,
  row: (log: LogId, key: string): Key => `R${log}\0${key}`,
  positions: (thread: ThreadId, user: UserId | ''): Key => `P${thread}\0${user}`,
  device: (user: UserId, device: DeviceId, thread: ThreadId): Key => `V${user}\0${device}\0${thread}`,
  inbox: (user: UserId, thread: ThreadFrom): Key => `I${user}\0${thread}`,
  days: (user: UserId): Key => `A${user}\0`,
  day: (user: UserId, day: number, thread: ThreadFrom): Key => `A${user}\0${orderedDay(day)}${thread}`,
  large: (user: UserId, thread: ThreadFrom): Key => `L${user}\0${thread}`,
  seen: (user: UserId): Key => `S${user}`,
  deviceRecord: (user: UserId, device: DeviceId | ''): Key => `G${user}\0${device}`,
  pushToken: (token: string): Key => `T${token}`,
  due: (minute: number, thread: ThreadId | ''): Key => `B${orderedNumber(minute)}${thread}`,
  erasedTo: (thread: ThreadId): Key => `K${thread}`,
  secret: (name: string): Key => `X${name}`,
  restoring: 'Z',
} as const;

/** Thread at the end of a day's key. */
export function threadOfDayKey(key: Key, user: UserId): ThreadId {
  return key.slice(user.length + 5) as ThreadId;
}

export function dayOfKey(key: Key, user: UserId): number {
  const at = user.length + 2;
  return (key.charCodeAt(at) << 14) | (key.charCodeAt(at + 1) << 7) | key.charCodeAt(at + 2);
}
