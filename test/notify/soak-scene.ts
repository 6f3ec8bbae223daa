// What a soak is about: users with devices and threads of which nobody has read anything, in a store of their own.
import { chunksOf } from '../../server/core/chunks.ts';
import { systemClock } from '../../server/core/clock.ts';
import { type NewEntry, emptyBody } from '../../server/core/entry.ts';
import {
  type DeviceId,
  directThreadId,
  noDevice,
  threadLog,
  type ThreadId,
  type UserId,
} from '../../server/core/ids.ts';
import type { NewJob } from '../../server/notify/queue.ts';
import { openEmbeddedStore } from '../../server/store/embedded/store.ts';
import type { Store } from '../../server/store/store.ts';

const devicesEach = 5;
const threadsEach = 10;
const messagesEach = 3;
const atOnce = 500;

export interface SoakScene {
  readonly looks: readonly NewJob[];
  /** By token. */
  readonly owners: ReadonlyMap<string, { readonly userId: UserId; readonly deviceId: DeviceId }>;
  /** Newest message by token and thread. */
  readonly newest: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** At least so many pairs of a device and a thread. */
export async function makeScene(folder: string, notifications: number): Promise<SoakScene> {
  const store = await openEmbeddedStore({ folder, clock: systemClock });
  const users = Array.from(
    { length: Math.ceil(notifications / devicesEach / threadsEach) },
    (_, at) => `u${at}` as UserId,
  );
  const looks: NewJob[] = [];
  const owners = new Map<string, { userId: UserId; deviceId: DeviceId }>();
  const newest = new Map<string, Map<string, string>>();
  const work: (() => Promise<void>)[] = [];
  for (const userId of users) {
    const threads = Array.from({ length: threadsEach }, (_, at) => directThreadId(userId, `peer${at}` as UserId));
    const sequence = BigInt(1 + messagesEach);
    threads.forEach((threadId, at) => {
      const look = { kind: 'look', threadId, userId: '' as UserId, deviceId: noDevice, delayMs: 0 } as const;
      looks.push({ ...look, after: 0n, upTo: sequence });
      work.push(() => makeThread(store, threadId, userId, `peer${at}` as UserId));
    });
    for (let at = 0; at < devicesEach; at++) {
      const deviceId = `d${at}` as DeviceId;
      const pushToken = `${userId}-${deviceId}`;
      owners.set(pushToken, { userId, deviceId });
      newest.set(pushToken, new Map(threads.map((threadId) => [threadId, String(sequence)])));
      const said = {
        platform: 'android',
        pushToken,
        locale: 'en',
        displayName: '',
        keyBlob: new Uint8Array(0),
      } as const;
      work.push(async () => void (await store.putDevice(userId, { deviceId, ...said, seenMs: Date.now() })));
    }
  }
  for (const some of chunksOf(work, atOnce)) await Promise.all(some.map((one) => one()));
  await store[Symbol.asyncDispose]();
  return { looks, owners, newest };
}

async function makeThread(store: Store, threadId: ThreadId, userId: UserId, peer: UserId): Promise<void> {
  const entry = (senderId: UserId, change: NewEntry['change']): NewEntry => ({
    ...{ senderId, deviceId: noDevice, clientMessageId: '', fingerprint: '', change },
  });
  const members = [userId, peer].map((member) => ({ userId: member, role: 'member' }) as const);
  const says = (text: string): NewEntry =>
    entry(peer, {
      ...{ kind: 'message', replyTo: 0n, editSequence: 0n, deleteSequence: 0n },
      body: { ...emptyBody, content: { text } },
    });
  const created = {
    kind: 'thread-created',
    threadKind: 'direct',
    members,
    name: '',
    historyForNewMembers: true,
  } as const;
  await store.append(threadLog(threadId), {
    expected: undefined,
    entries: [entry(peer, created), ...Array.from({ length: messagesEach }, (_, at) => says(`message ${at}`))],
    nowMs: Date.now(),
    inbox: [{ userId, visibleFrom: 1n, member: true }],
  });
}
