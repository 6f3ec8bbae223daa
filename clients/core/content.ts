import type { Attachment, Content } from '#proto/parley/v1/entry.ts';

/** What a message says. Text, bytes with their type, attachments, or a text or bytes with attachments. */
export interface MessageBody {
  /** Plain text, not empty, at most 64 KiB of UTF-8. */
  readonly text?: string;
  /** Bytes that the server does not look into. Not together with `text`; needs `contentType`. */
  readonly opaque?: Uint8Array;
  /** Media type of `opaque`. */
  readonly contentType?: string;
  /** At most 50 users. */
  readonly mentionIds?: readonly string[];
  /** At most 20. */
  readonly attachments?: readonly Attachment[];
}

/** A body as the wire has it. What is wrong with it, the server says. */
export function contentOf(body: MessageBody): {
  content: Content | undefined;
  mentionIds: string[];
  attachments: Attachment[];
} {
  const { text, opaque, contentType = '', mentionIds = [], attachments = [] } = body;
  let content: Content | undefined;
  if (text !== undefined) content = { body: { $case: 'text', value: text }, contentType };
  // Codecs of browsers have Uint8Array, node's generated types say Buffer: both write the same bytes.
  else if (opaque !== undefined) content = { body: { $case: 'opaque', value: opaque as never }, contentType };
  return { content, mentionIds: [...mentionIds], attachments: [...attachments] };
}
