// A process that works on an embedded store until it is killed, or has done what it was told, and writes a line to its
// standard output for everything that it was promised: what the store may not lose from then on.
import { writeSync } from 'node:fs';
import { pause, systemClock } from '../../server/core/clock.ts';
import { type Change, emptyBody, type Head, type NewEntry } from '../../server/core/entry.ts';
import { Refusal } from '../../server/core/errors.ts';
import type { DeviceId, ThreadId, UserId } from '../../server/core/ids.ts';
import { threadLog } from '../../server/core/ids.ts';
import { openEmbeddedStore } from '../../server/store/embedded/store.ts';
import type { Store } from '../../server/store/store.ts';

export interface ChildWork {
  readonly folder: string;
  readonly threads: readonly ThreadId[];
  /** Appends of each thread; then the process ends by itself. */
  readonly appends: number;
  /** Decides what is appended, and the ids. */
  readonly run: string;
  /** False leaves out the fsync. */
  readonly sync: boolean;
}

/** A line of the output. */
export type Promised =
  | { readonly handed: string }
  | { readonly thread: ThreadId; readonly id: string; readonly sequence: string }
  | { readonly thread: ThreadId; readonly read: string }
  | { readonly refused: string };

export const writer = 'writer' as UserId;
const device = 'device' as DeviceId;

/** What a message with this id says. */
export function textOfId(id: string): string {
  return `${id} ${'says a little more '.repeat(8)}`;
}

function say(promised: Promised): void {
  writeSync(1, `${JSON.stringify(promised)}\n`);
}

function changeOf(at: number, id: string, head: Head | undefined, messages: readonly bigint[]): Change {
  const body = { ...emptyBody, content: { text: textOfId(id) } };
  if (head === undefined) {
    const members = [{ userId: writer, role: 'owner' as const }];
    return { kind: 'thread-created', threadKind: 'group', members, name: '', historyForNewMembers: true };
  }
  const target = messages[(at * 7) % Math.max(1, messages.length)];
  if (target !== undefined) {
    if (at % 11 === 3) return { kind: 'message-edited', target, body };
    if (at % 23 === 5) return { kind: 'message-deleted', target };
    if (at % 13 === 7) return { kind: 'reaction-changed', target, emoji: '👍', removed: at % 2 === 0 };
  }
  if (at % 17 === 9) return { kind: 'member-added', userId: `user-${at % 5}` as UserId, role: 'member' };
  if (at % 17 === 16) return { kind: 'member-removed', userId: `user-${at % 5}` as UserId };
  return { kind: 'message', replyTo: 0n, body, editSequence: 0n, deleteSequence: 0n };
}

async function untilWritable(store: Store): Promise<void> {
  while (!store.health().writable) await pause(systemClock, 10);
}

/** Appends to one thread, each after the one before; a refused append is tried again with the same id. */
async function work(store: Store, thread: ThreadId, { appends, run }: ChildWork): Promise<void> {
  const log = threadLog(thread);
  const messages: bigint[] = [];
  let head = await store.head(log);
  for (let at = 0; at < appends;) {
    const id = `${run}-${thread}-${at}`;
    const change = changeOf(at, id, head, messages);
    const entry: NewEntry = { senderId: writer, deviceId: device, clientMessageId: id, fingerprint: 'f', change };
    say({ handed: id });
    try {
      const inbox = [{ userId: writer }];
      const result = await store.append(log, { expected: head, entries: [entry], nowMs: systemClock.nowMs(), inbox });
      if (result.outcome === 'conflict') head = result.head;
      if (result.outcome === 'appended') {
        head = result.head;
        if (change.kind === 'message') messages.push(head.sequence);
        say({ thread, id, sequence: String(head.sequence) });
      }
      if (result.outcome === 'duplicate') {
        for (const { sequence } of result.duplicates.values()) say({ thread, id, sequence: String(sequence) });
        head = await store.head(log);
      }
      if (result.outcome === 'conflict') continue;
      at++;
      if (at % 5 !== 0 || head === undefined) continue;
      const { sequence, ordinal } = head;
      await store.advance([{ threadId: thread, userId: writer, sequence, ordinal, atMs: 1 }]);
      say({ thread, read: String(sequence) });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      say({ refused: error.reason });
      await untilWritable(store);
      head = await store.head(log);
    }
  }
}

if (import.meta.main) {
  const given = JSON.parse(process.argv[2] ?? '{}') as ChildWork;
  await using store = await openEmbeddedStore({ folder: given.folder, clock: systemClock, sync: given.sync });
  // The clock's timers keep no process alive.
  const alive = setInterval(() => {}, 1_000);
  await Promise.all(given.threads.map((thread) => work(store, thread, given)));
  clearInterval(alive);
}
