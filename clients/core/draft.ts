import type { Attachment, Content } from '#proto/parley/v1/entry.ts';

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

const encoder = new TextEncoder();

/** About how many bytes a draft takes in memory and on the wire. */
export function bytesOfDraft(draft: Draft): number {
  const body = draft.content?.body;
  let bytes = 128;
  if (body?.$case === 'text') bytes += encoder.encode(body.value).length;
  if (body?.$case === 'opaque') bytes += body.value.length;
  for (const { uri, name, contentType } of draft.attachments)
    bytes += uri.length + name.length + contentType.length + 16;
  for (const id of draft.mentionIds) bytes += id.length + 2;
  return bytes;
}
