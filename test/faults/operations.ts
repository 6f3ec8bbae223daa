// The things that a user does in a fault run.
import { setTimeout as delay } from 'node:timers/promises';
import * as Code from '../../clients/core/codes.ts';
import { ParleyError } from '../../clients/core/errors.ts';
import type { ParleyClient } from '../../clients/core/client.ts';
import type { Device } from './device.ts';
import type { Told, Wish } from './record.ts';
import { hashOf } from './said.ts';
import type { Chance, Thread, World } from './world.ts';

export interface Doing {
  readonly world: World;
  readonly device: Device;
  readonly chance: Chance;
  readonly tell: (told: Told) => void;
  /** The run ends: what breaks now is not asked again. */
  readonly signal: AbortSignal;
  readonly newRef: () => string;
  /** Messages that users may still edit or delete: by user and thread, the last one. */
  readonly own: Map<string, number>;
}

/** A plain call is asked again after this, as an application would. */
const againMs = 1_000;
const offlineMs = 20_000;

/** One thing, drawn by chance; resolves when it came to an end, however long that takes. Never rejects. */
export async function act(doing: Doing): Promise<void> {
  const { world, device, chance } = doing;
  const drawn = chance(1000);
  if (drawn < 8) return goAway(doing);
  if (drawn < 16) return device.parley?.reconnect();
  const threads = world.threads.filter(({ members }) => members.has(device.user));
  // Each thread as likely as another, but the one of all less so: what is said there is heard by every device.
  const thread = threads[chance(30) === 0 ? 0 : 1 + chance(threads.length - 1)];
  if (thread === undefined || device.parley === undefined) return;
  if (drawn < 40) return askPositions(doing, thread);
  if (drawn < 70) return device.markRead(thread.id);
  if (drawn < 90 && thread.owner === device.user) return changeMembers(doing, thread);
  if (drawn < 150 && doing.own.has(ownKey(device, thread))) return touch(doing, thread, drawn);
  if (drawn < 220) return sendByCall(doing, thread);
  return send(doing, thread);
}

const ownKey = ({ user }: Device, { id }: Thread): string => `${user} ${id}`;

/** By the SDK's outbox: answered, whatever happens, unless the device is closed first. */
async function send(doing: Doing, thread: Thread): Promise<void> {
  const { device, tell } = doing;
  const { ref, text } = compose(doing, thread);
  try {
    const sent = await device.parley?.send(thread.id, text, { clientMessageId: ref });
    acknowledged(doing, thread, ref, Number(sent?.sequence ?? 0n));
    doing.own.set(ownKey(device, thread), Number(sent?.sequence ?? 0n));
  } catch (error) {
    if (reasonOf(error) === 'CLIENT_CLOSED') tell({ kind: 'given-up', ref });
    else refused(doing, thread, ref, error);
  }
}

/** Without a session, as a phone that was woken. */
async function sendByCall(doing: Doing, thread: Thread): Promise<void> {
  const { ref, text } = compose(doing, thread);
  const content = { body: { $case: 'text', value: text } as const, contentType: '' };
  const request = { threadId: thread.id, clientMessageId: ref, content, knownHead: 0n, expectedSequence: undefined };
  await ask(doing, thread, ref, async (parley) => {
    const path = '/parley.v1.MessageService/SendMessage';
    const sent = await parley.call(path, { ...request, replyTo: 0n, mentionIds: [], attachments: [], deviceId: '' });
    return sent.sequence;
  });
}

function compose(doing: Doing, thread: Thread): { ref: string; text: string } {
  const ref = doing.newRef();
  const text = `${ref} ${'x'.repeat(doing.chance(doing.chance(20) === 0 ? 4_000 : 200))}`;
  wish(doing, thread, { ref, what: 'message', subject: '', body: hashOf(text) });
  return { ref, text };
}

/** Edits, deletes or reacts to one's own last message. */
async function touch(doing: Doing, thread: Thread, drawn: number): Promise<void> {
  const { device, own, chance } = doing;
  const key = ownKey(device, thread);
  const target = own.get(key) ?? 0;
  const targetSequence = BigInt(target);
  // One thing at a time is done to a message: else its author could not know what is refused.
  own.delete(key);
  const ref = doing.newRef();
  const base = { threadId: thread.id, clientMessageId: ref, targetSequence, deviceId: '' };
  const subject = String(targetSequence);
  if (drawn < 115) {
    const text = `${ref} ${'y'.repeat(chance(200))}`;
    wish(doing, thread, { ref, what: 'edit', subject, body: hashOf(text) });
    const content = { body: { $case: 'text', value: text } as const, contentType: '' };
    const request = { ...base, content, mentionIds: [], attachments: [] };
    await ask(doing, thread, ref, async (parley) => {
      return (await parley.call('/parley.v1.MessageService/EditMessage', request)).sequence;
    });
    if (!own.has(key)) own.set(key, target);
  } else if (drawn < 130) {
    wish(doing, thread, { ref, what: 'delete', subject, body: '' });
    await ask(doing, thread, ref, async (parley) => {
      return (await parley.call('/parley.v1.MessageService/DeleteMessage', base)).sequence;
    });
  } else {
    wish(doing, thread, { ref, what: 'reaction', subject: `${targetSequence}\u{1F44D}+`, body: '' });
    await ask(doing, thread, ref, async (parley) => {
      const request = { ...base, emoji: '\u{1F44D}', removed: false };
      return (await parley.call('/parley.v1.MessageService/React', request)).sequence;
    });
  }
}

/** The owner adds a guest who is out or removes one who is in. */
async function changeMembers(doing: Doing, thread: Thread): Promise<void> {
  const { chance, tell } = doing;
  const guest = thread.guests[chance(thread.guests.length)];
  if (guest === undefined || thread.changing) return;
  thread.changing = true;
  const ref = doing.newRef();
  const request = { threadId: thread.id, requestId: ref };
  const isIn = thread.members.has(guest);
  wish(doing, thread, { ref, what: isIn ? 'removed' : 'added', subject: guest, body: '' });
  if (isIn) thread.members.delete(guest);
  await ask(doing, thread, ref, async (parley) => {
    if (isIn)
      return (await parley.call('/parley.v1.GroupService/RemoveMember', { ...request, userId: guest })).sequence;
    return (await parley.call('/parley.v1.GroupService/AddMembers', { ...request, userIds: [guest] })).sequence;
  });
  if (!isIn) thread.members.add(guest);
  thread.changing = false;
  tell({ kind: 'note', text: `${guest} ${isIn ? 'left' : 'joined'} ${thread.id}` });
}

async function askPositions({ device, tell, world }: Doing, thread: Thread): Promise<void> {
  const ask = world.nextAsk();
  const { listener } = device;
  tell({ kind: 'positions-asked', ask, thread: thread.id });
  try {
    for (let pageToken = ''; ;) {
      const page = await device.parley?.receipts.list(thread.id, { pageSize: 500, pageToken });
      for (const { userId, deliveredSequence, readSequence } of page?.receipts ?? []) {
        const at = { delivered: Number(deliveredSequence), read: Number(readSequence) };
        tell({ kind: 'position', ask, listener, thread: thread.id, user: userId, ...at });
      }
      pageToken = page?.nextPageToken ?? '';
      if (pageToken === '') return;
    }
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error;
  }
}

/** The application is ended and, some time later, started again. */
async function goAway({ device, chance, signal }: Doing): Promise<void> {
  await device.close();
  await delay(chance(offlineMs), undefined, { signal }).catch(() => {});
  await device.open();
}

function wish({ device, tell }: Doing, thread: Thread, what: Omit<Wish, 'user' | 'thread'>): void {
  tell({ kind: 'asked', wish: { user: device.user, thread: thread.id, ...what } });
}

/** Calls until there is an answer; gives up now and then, and at the end of the run: then nobody knows. */
async function ask(
  doing: Doing,
  thread: Thread,
  ref: string,
  call: (parley: ParleyClient) => Promise<bigint>,
): Promise<void> {
  const { device, tell, chance, signal, world } = doing;
  for (;;) {
    const { parley } =
      device.parley === undefined ? (world.devicesOf(device.user).find((one) => one.parley) ?? device) : device;
    try {
      if (parley !== undefined) return acknowledged(doing, thread, ref, Number(await call(parley)));
    } catch (error) {
      if (!mayBeLater(error)) return refused(doing, thread, ref, error);
      // Who changes members goes on until it is known: the others go by it.
      const needsToKnow = thread.changing && thread.owner === device.user;
      if (!needsToKnow && (signal.aborted || chance(8) === 0)) return tell({ kind: 'given-up', ref });
    }
    await delay(againMs);
  }
}

function acknowledged({ tell }: Doing, thread: Thread, ref: string, sequence: number): void {
  tell({ kind: 'acknowledged', ref, sequence });
  thread.acknowledged = Math.max(thread.acknowledged, sequence);
}

/** A guest may have been put out meanwhile, or have come again and not see what was before: that is a reason to refuse. */
function refused({ device, tell }: Doing, thread: Thread, ref: string, error: unknown): void {
  const reason = reasonOf(error);
  const expected = thread.guests.includes(device.user) && ['THREAD_NOT_FOUND', 'MESSAGE_NOT_FOUND'].includes(reason);
  tell({ kind: 'refused', ref, reason: `${reason}: ${(error as Error).message}`, expected });
}

function reasonOf(error: unknown): string {
  if (!(error instanceof ParleyError)) throw error;
  return error.reason;
}

function mayBeLater(error: unknown): boolean {
  if (!(error instanceof ParleyError)) throw error;
  const codes: number[] = [
    Code.UNAVAILABLE,
    Code.DEADLINE_EXCEEDED,
    Code.CANCELLED,
    Code.ABORTED,
    Code.RESOURCE_EXHAUSTED,
  ];
  // A node that dies within its answer is told by the gateway as INTERNAL without a reason.
  return codes.includes(error.code) || error.reason === 'NO_REASON' || error.reason === 'TOKEN_UNAVAILABLE';
}
