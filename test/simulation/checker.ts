// Judges a run by what clients asked for and were told; it sees no store and no node.
import type { Asked, Ledger, SentMessage, Told } from './ledger.ts';
import type { SimDevice } from './sim-device.ts';
import { textOf } from './sim-device.ts';
import { isWithin, type ThreadTruth, truthOf } from './truth.ts';

/** What still lacks for all clients to have the same. Empty in the end. */
export function lacking(ledger: Ledger, devices: readonly SimDevice[]): string[] {
  const { threads } = truthOf(ledger);
  const lacks: string[] = [];
  for (const message of ledger.messages.values()) {
    if (message.outcome === 'open') lacks.push(`stuck: ${message.clientMessageId} has no answer`);
    else lacks.push(...wrongMessage(message, threads.get(message.threadId)));
  }
  for (const asked of ledger.asked) {
    if (asked.outcome === 'open') lacks.push(`stuck: ${asked.id} has no answer`);
    // Whoever should know of it may not have heard yet.
    else lacks.push(...wrongChange(asked, threads.get(asked.threadId)));
  }
  for (const device of devices) {
    if (device.client.connection.phase !== 'live') lacks.push(`stuck: ${device.name} is not live`);
    for (const truth of threads.values()) lacks.push(...notHeld(ledger, device, truth));
  }
  return lacks;
}

/** What a device lacks of a thread since its user came in, the last time. */
function notHeld(ledger: Ledger, { userId, deviceId, name }: SimDevice, truth: ThreadTruth): string[] {
  const last = truth.audible(userId).at(-1);
  if (last === undefined) return [];
  const held = new Set<bigint>();
  for (const told of ledger.told) {
    if (told.userId !== userId || told.deviceId !== deviceId) continue;
    for (const { sequence } of told.threads.get(truth.threadId) ?? []) held.add(sequence);
  }
  const lacks: string[] = [];
  for (let at = last.from; at <= last.to; at += 1n) {
    if (!held.has(at)) lacks.push(`not converged: ${name} lacks ${truth.threadId} ${at}`);
  }
  return lacks;
}

/** Everything that a run must not show, whenever it ends. */
export function wrongIn(ledger: Ledger): string[] {
  const { threads, diverging } = truthOf(ledger);
  const wrong = [...ledger.wrong, ...diverging];
  for (const truth of threads.values()) {
    for (let at = 1n; at <= truth.head; at += 1n) {
      if (!truth.entries.has(at)) wrong.push(`gap: nobody was told ${truth.threadId} ${at}`);
    }
    wrong.push(...repeatedIds(truth), ...heardByOthers(ledger, truth));
  }
  for (const told of ledger.told) wrong.push(...wrongOrder(ledger, told, threads));
  return [...wrong, ...wentBack(ledger)];
}

/** Positions that were lower than in an answer that was given before they were asked for. */
function wentBack({ seen }: Ledger): string[] {
  const wrong: string[] = [];
  for (const [at, later] of seen.entries()) {
    for (const earlier of seen.slice(0, at)) {
      if (earlier.threadId !== later.threadId || earlier.userId !== later.userId) continue;
      if (earlier.answeredMs > later.askedMs) continue;
      for (const kind of ['delivered', 'read'] as const) {
        if (later[kind] === 0n || later[kind] >= earlier[kind]) continue;
        wrong.push(
          `position: ${kind} of ${later.userId} in ${later.threadId} went from ${earlier[kind]} to ${later[kind]}`,
        );
      }
    }
  }
  return wrong;
}

function repeatedIds({ threadId, entries }: ThreadTruth): string[] {
  const places = new Map<string, bigint>();
  const wrong: string[] = [];
  for (const { senderId, clientMessageId, sequence } of entries.values()) {
    if (clientMessageId === '') continue;
    const id = `${senderId} ${clientMessageId}`;
    const other = places.get(id);
    if (other !== undefined) wrong.push(`duplicated: ${clientMessageId} is ${threadId} ${other} and ${sequence}`);
    places.set(id, sequence);
  }
  return wrong;
}

function heardByOthers(ledger: Ledger, truth: ThreadTruth): string[] {
  const wrong: string[] = [];
  for (const [userId, threads] of ledger.reached) {
    const audible = truth.audible(userId);
    for (const sequence of threads.get(truth.threadId)?.keys() ?? []) {
      if (!isWithin(audible, sequence)) wrong.push(`heard by a stranger: ${userId} got ${truth.threadId} ${sequence}`);
    }
  }
  return wrong;
}

function wrongMessage(message: SentMessage, truth: ThreadTruth | undefined): string[] {
  const { clientMessageId, userId, threadId, outcome, sequence } = message;
  if (outcome === 'sent') {
    const entry = truth?.entries.get(sequence);
    if (entry?.clientMessageId === clientMessageId && entry.senderId === userId) return [];
    return [`lost: ${clientMessageId} was acknowledged as ${threadId} ${sequence}`];
  }
  const taken = [...(truth?.entries.values() ?? [])].some((entry) => entry.clientMessageId === clientMessageId);
  return taken && outcome === 'refused' ? [`phantom: ${clientMessageId} was refused and is in ${threadId}`] : [];
}

function wrongChange({ kind, outcome, sequence, threadId, id }: Asked, truth: ThreadTruth | undefined): string[] {
  if (outcome !== 'done' || sequence === 0n) return [];
  const entry = truth?.entries.get(sequence);
  if (entry?.kind?.$case === kind) return [];
  return [`lost: ${id} was answered as ${threadId} ${sequence}, which is ${entry?.kind?.$case ?? 'nothing'}`];
}

/** Each process is told a thread in order, each entry once, and without a hole but for what is not the user's, or was told before. */
function wrongOrder(ledger: Ledger, told: Told, threads: ReadonlyMap<string, ThreadTruth>): string[] {
  const { userId, deviceId } = told;
  const wrong: string[] = [];
  for (const [threadId, entries] of told.threads) {
    const audible = threads.get(threadId)?.audible(userId) ?? [];
    let last = 0n;
    for (const { sequence } of entries) {
      if (sequence <= last)
        wrong.push(`repeated: ${userId}/${deviceId} was told ${threadId} ${sequence} after ${last}`);
      for (let at = last + 1n; at < sequence; at += 1n) {
        if (!isWithin(audible, at) || wasTold(ledger, told, threadId, at)) continue;
        // Of an earlier membership: a rejoin is a new join.
        const own = audible.find(({ from, to }) => sequence >= from && sequence <= to);
        if (own !== undefined && at < own.from) continue;
        wrong.push(`gap: ${userId}/${deviceId} was told ${threadId} ${sequence} without ${at}`);
      }
      last = sequence;
    }
  }
  return wrong;
}

/** Whether an earlier process of the device was told it. */
function wasTold(ledger: Ledger, told: Told, threadId: string, sequence: bigint): boolean {
  for (const other of ledger.told) {
    if (other === told) return false;
    if (other.userId !== told.userId || other.deviceId !== told.deviceId) continue;
    if (other.threads.get(threadId)?.some((entry) => entry.sequence === sequence) === true) return true;
  }
  return false;
}

/** Messages that a device shows otherwise than they are, once it has everything. */
export function wrongTexts(ledger: Ledger, devices: readonly SimDevice[]): string[] {
  const { threads } = truthOf(ledger);
  const wrong: string[] = [];
  for (const device of devices) {
    for (const [threadId, entries] of device.told.threads) {
      const truth = threads.get(threadId);
      const last = truth?.audible(device.userId).at(-1);
      // Who has left may be given a message as it is now, or as it was.
      if (truth === undefined || last === undefined || !truth.isMember(device.userId)) continue;
      for (const { sequence, kind } of entries) {
        // Of an earlier membership they do not hear any more.
        if (kind?.$case !== 'message' || sequence < last.from) continue;
        const expected = textIn(truth, sequence, last.to);
        const content = device.client.message(threadId, sequence)?.content?.body;
        const text = content?.$case === 'text' ? content.value : undefined;
        if (text !== expected)
          wrong.push(`diverging: ${device.name} shows "${text}" for ${threadId} ${sequence}: "${expected}"`);
      }
    }
  }
  return wrong;
}

/** What a message says once everything up to a sequence has happened; undefined = it is deleted. */
function textIn(truth: ThreadTruth, target: bigint, upTo: bigint): string | undefined {
  let id = truth.entries.get(target)?.clientMessageId ?? '';
  for (let at = target + 1n; at <= upTo; at += 1n) {
    const entry = truth.entries.get(at);
    const kind = entry?.kind;
    if (kind?.$case === 'messageDeleted' && kind.value.targetSequence === target) return undefined;
    if (kind?.$case === 'messageEdited' && kind.value.targetSequence === target) id = entry?.clientMessageId ?? '';
  }
  return textOf(id);
}
