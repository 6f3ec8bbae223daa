import { type Body, type Change, type Content, type Entry, emptyBody } from '../../core/entry.ts';
import type { DeviceId, UserId } from '../../core/ids.ts';
import { ByteReader, type ByteWriter, unreadable } from './bytes.ts';

/**
 * The value of an entry: its fixed fields, then a message as it is now, or any other change packed whole. An edit is kept
 * without its body, which stands in the message that it edits: so a body is in one place only, and one put erases it.
 */
const version = 1;
const messageKind = 1;
const otherKind = 2;

const noContent = 0;
const textContent = 1;
const opaqueContent = 2;
/** In the place of a body that retention erased. */
const erasedBody = 3;

export function encodeEntry(writer: ByteWriter, entry: Entry): Buffer {
  const { change } = entry;
  writer
    .start(version)
    .u8(change.kind === 'message' ? messageKind : otherKind)
    .u48(Number(entry.ordinal))
    .u48(entry.createTimeMs)
    .short(entry.senderId)
    .short(entry.deviceId)
    .short(entry.clientMessageId);
  if (change.kind === 'message') {
    writer.u48(Number(change.replyTo)).u48(Number(change.editSequence)).u48(Number(change.deleteSequence));
    if (change.erased === true) writer.u8(erasedBody);
    else encodeBody(writer, change.body);
  } else if (change.kind === 'message-edited') {
    writer.packed({ kind: change.kind, target: change.target });
  } else {
    writer.packed(change);
  }
  return writer.take();
}

/** An edit comes back with an empty body. */
export function decodeEntry(bytes: Buffer, sequence: number): Entry {
  const reader = new ByteReader(bytes, version, 'an entry');
  const kind = reader.u8();
  if (kind !== messageKind && kind !== otherKind) throw unreadable(`an entry of kind ${kind}`);
  return {
    sequence: BigInt(sequence),
    ordinal: BigInt(reader.u48()),
    createTimeMs: reader.u48(),
    senderId: reader.short() as UserId,
    deviceId: reader.short() as DeviceId,
    clientMessageId: reader.short(),
    change: kind === messageKind ? decodeMessage(reader) : decodeOther(reader),
  };
}

function decodeMessage(reader: ByteReader): Change {
  const replyTo = BigInt(reader.u48());
  const editSequence = BigInt(reader.u48());
  const deleteSequence = BigInt(reader.u48());
  const place = { kind: 'message', replyTo, editSequence, deleteSequence } as const;
  const content = reader.u8();
  return content === erasedBody
    ? { ...place, body: emptyBody, erased: true }
    : { ...place, body: decodeBody(reader, content) };
}

function decodeOther(reader: ByteReader): Change {
  const change = reader.packed() as Change;
  return change.kind === 'message-edited' ? { ...change, body: emptyBody } : change;
}

function encodeBody(writer: ByteWriter, body: Body): void {
  const { content, mentions, attachments } = body;
  if (content === undefined) writer.u8(noContent);
  else if ('text' in content) writer.u8(textContent).text(content.text);
  else writer.u8(opaqueContent).text(content.contentType).raw(content.opaque);
  if (mentions.length === 0 && attachments.length === 0) writer.u8(0);
  else writer.u8(1).packed([mentions, attachments]);
}

function decodeBody(reader: ByteReader, kind: number): Body {
  const content = decodeContent(reader, kind);
  const [mentions, attachments] =
    reader.u8() === 0 ? [[], []] : (reader.packed() as [Body['mentions'], Body['attachments']]);
  return content === undefined ? { mentions, attachments } : { content, mentions, attachments };
}

function decodeContent(reader: ByteReader, kind: number): Content | undefined {
  if (kind === noContent) return undefined;
  if (kind === textContent) return { text: reader.text() };
  if (kind !== opaqueContent) throw unreadable(`content of kind ${kind}`);
  const contentType = reader.text();
  // A copy: the value's buffer is larger, and lives as long as the entry otherwise.
  return { opaque: Uint8Array.from(reader.raw()), contentType };
}
