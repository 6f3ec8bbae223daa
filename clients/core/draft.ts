import type { Attachment, Content } from '#proto/parley/v1/entry.ts';
import * as Code from './codes.ts';
import { ParleyError } from './errors.ts';

/** A message without a sequence yet. Never changed after it was made: a retry must be the same to the byte. */
export interface Draft {
  readonly threadId: string;
  /** Unique per user and thread, for ever. */
  readonly clientMessageId: string;
  /** The sequence its author had seen when composing; 0 = nothing. */
  readonly knownHead: bigint;
  /** Only as exactly this sequence; undefined = wherever it comes. */
  readonly expectedSequence: bigint | undefined;
  /** Sequence of the message it answers; 0 = none. */
  readonly replyTo: bigint;
  readonly mentionIds: readonly string[];
  readonly attachments: readonly Attachment[];
  readonly content: Content | undefined;
}

/**
 * Where drafts outlive the process. One outbox per store at a time. `put` resolves when the draft is durable: only then
 * is it sent. `remove` may be lost in a crash: the draft is sent again then and gets its first sequence.
 */
export interface DraftStore {
  /** All drafts, in the order they were put. */
  load(): Promise<Draft[]>;
  put(draft: Draft): Promise<void>;
  remove(threadId: string, clientMessageId: string): Promise<void>;
}

/** The server takes no more of a text or of opaque bytes. */
const mostContentBytes = 64 * 1024;
/** And no more of a whole frame. */
const mostFrameBytes = 256 * 1024;

const encoder = new TextEncoder();

/**
 * Why the server would never take a draft: TOO_LARGE, for a content over 64 KiB or a whole over 256 KiB. Undefined = not
 * for its size. Such a draft is not to be sent: with all else in its request, the gateway or the server drops it unread.
 */
export function tooLarge(draft: Draft): ParleyError | undefined {
  const body = draft.content?.body;
  if (bytesOfBody(body) > mostContentBytes) {
    return refusal(`content.${body?.$case ?? ''}`, `must be at most ${mostContentBytes} bytes`);
  }
  return bytesOfDraft(draft) > mostFrameBytes ? refusal('send', `must be at most ${mostFrameBytes} bytes`) : undefined;
}

function refusal(field: string, description: string): ParleyError {
  return new ParleyError({
    reason: 'TOO_LARGE',
    code: Code.INVALID_ARGUMENT,
    message: `${field}: ${description}`,
    fields: [{ field, description }],
  });
}

/** About how many bytes a draft takes on the wire, and in memory. */
export function bytesOfDraft(draft: Draft): number {
  let bytes = 128 + bytesOfBody(draft.content?.body);
  for (const { uri, name, contentType } of draft.attachments)
    bytes += encoder.encode(uri + name + contentType).length + 16;
  for (const id of draft.mentionIds) bytes += encoder.encode(id).length + 2;
  return bytes;
}

function bytesOfBody(body: Content['body']): number {
  return body?.$case === 'text' ? encoder.encode(body.value).length : (body?.value.length ?? 0);
}
