import { Packr } from 'msgpackr';
import { type Body, type Change, type Content, type Entry, emptyBody } from '../../core/entry.ts';
import { Refusal } from '../../core/errors.ts';
import type { DeviceId, UserId } from '../../core/ids.ts';
import type { Duplicate, InboxUpdate } from '../store.ts';

const packr = new Packr({ useRecords: false, int64AsType: 'bigint' });
const version = 1;

/** What stands in the place of an erased body. Never what a body is packed to. */
export const erased = Buffer.alloc(0);

/** An entry as it was appended, without its body. */
export interface PackedEntry {
  readonly ordinal: bigint;
  readonly createTimeMs: number;
  readonly senderId: UserId;
  readonly deviceId: DeviceId;
  readonly clientMessageId: string;
  readonly change: Change;
  /** Of an edit or a delete: the edit whose body it erases; 0 = none, or the message's own. Of an edit that changes nothing: itself. */
  readonly formerEdit: bigint;
}

type Packed = [
  version: number,
  ordinal: number,
  createTimeMs: number,
  senderId: string,
  deviceId: string,
  clientMessageId: string,
  /** Of a message the sequence that it answers, else the change without its body. */
  change: number | Change,
  formerEdit: number,
];

export function packEntry(entry: Entry, formerEdit: bigint): Buffer {
  const { change } = entry;
  const packed: Packed = [
    version,
    Number(entry.ordinal),
    entry.createTimeMs,
    entry.senderId,
    entry.deviceId,
    entry.clientMessageId,
    change.kind === 'message' ? Number(change.replyTo) : withoutBody(change),
    Number(formerEdit),
  ];
  return packr.pack(packed);
}

/** Bodies come back empty, edits and deletes as 0. */
export function unpackEntry(bytes: Buffer): PackedEntry {
  const [, ordinal, createTimeMs, senderId, deviceId, clientMessageId, change, formerEdit] = unpack<Packed>(
    bytes,
    'an entry',
  );
  return {
    ordinal: BigInt(ordinal),
    createTimeMs,
    senderId: senderId as UserId,
    deviceId: deviceId as DeviceId,
    clientMessageId,
    change: typeof change === 'number' ? messageOf(change) : withEmptyBody(change),
    formerEdit: BigInt(formerEdit),
  };
}

function messageOf(replyTo: number): Change {
  return { kind: 'message', replyTo: BigInt(replyTo), body: emptyBody, editSequence: 0n, deleteSequence: 0n };
}

function withoutBody(change: Change): Change {
  if (change.kind !== 'message-edited') return change;
  return { kind: change.kind, target: change.target } as Change;
}

function withEmptyBody(change: Change): Change {
  return change.kind === 'message-edited' ? { ...change, body: emptyBody } : change;
}

type PackedBody = [
  version: number,
  content: string | Uint8Array | null,
  contentType: string,
  mentions: Body['mentions'],
  attachments: Body['attachments'],
];

export function packBody({ content, mentions, attachments }: Body): Buffer {
  const packed: PackedBody =
    content === undefined
      ? [version, null, '', mentions, attachments]
      : 'text' in content
        ? [version, content.text, '', mentions, attachments]
        : [version, content.opaque, content.contentType, mentions, attachments];
  return packr.pack(packed);
}

/** The empty body for an erased one. */
export function unpackBody(bytes: Buffer): Body {
  if (bytes.length === 0) return emptyBody;
  const [, content, contentType, mentions, attachments] = unpack<PackedBody>(bytes, 'a body');
  if (content === null) return { mentions, attachments };
  // A copy: the bytes are a view of the whole answer, and would keep it in memory.
  const value: Content =
    typeof content === 'string' ? { text: content } : { opaque: Uint8Array.from(content), contentType };
  return { content: value, mentions, attachments };
}

type PackedId = [
  version: number,
  sequence: number,
  ordinal: number,
  createTimeMs: number,
  fingerprint: string,
  isHinted: boolean,
];

/** `isHinted`: its author said what head it knew, so it is looked for from there on. */
export function packId(entry: Entry, fingerprint: string, isHinted: boolean): Buffer {
  const packed: PackedId = [
    version,
    Number(entry.sequence),
    Number(entry.ordinal),
    entry.createTimeMs,
    fingerprint,
    isHinted,
  ];
  return packr.pack(packed);
}

export function unpackId(bytes: Buffer, epoch: bigint): Duplicate {
  const [, sequence, ordinal, createTimeMs, fingerprint] = unpack<PackedId>(bytes, 'an id');
  return { sequence: BigInt(sequence), ordinal: BigInt(ordinal), createTimeMs, epoch, fingerprint };
}

export function isHinted(bytes: Buffer): boolean {
  return unpack<PackedId>(bytes, 'an id')[5];
}

export function packInbox(updates: readonly InboxUpdate[]): Buffer {
  return packr.pack([version, updates]);
}

export function unpackInbox(bytes: Buffer): readonly InboxUpdate[] {
  return unpack<[number, readonly InboxUpdate[]]>(bytes, 'inbox changes')[1];
}

export function packRow(value: unknown): Buffer {
  return packr.pack([version, value]);
}

export function unpackRow(bytes: Buffer): unknown {
  return unpack<[number, unknown]>(bytes, 'a row')[1];
}

function unpack<Value extends [number, ...unknown[]]>(bytes: Buffer, what: string): Value {
  const value = packr.unpack(bytes) as Value;
  if (value[0] !== version) {
    const message = `the store holds ${what} of version ${value[0]}: it was written by a newer version of Parley`;
    throw new Refusal('STORE_UNAVAILABLE', message);
  }
  return value;
}
