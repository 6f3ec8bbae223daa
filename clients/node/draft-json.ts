import type { Attachment, Content } from '#proto/parley/v1/entry.ts';
import type { Draft } from '../core/draft.ts';

// JSON has neither bigint nor bytes: the one is written as decimal text, the other as base64.
interface DraftJson {
  readonly threadId: string;
  readonly clientMessageId: string;
  readonly knownHead: string;
  readonly expectedSequence?: string;
  readonly replyTo: string;
  readonly mentionIds: readonly string[];
  readonly attachments: readonly (Omit<Attachment, 'sizeBytes'> & { readonly sizeBytes: string })[];
  readonly text?: string;
  readonly opaque?: string;
  readonly contentType?: string;
}

export function jsonOfDraft(draft: Draft): DraftJson {
  const { content, expectedSequence } = draft;
  return {
    threadId: draft.threadId,
    clientMessageId: draft.clientMessageId,
    knownHead: String(draft.knownHead),
    ...(expectedSequence === undefined ? {} : { expectedSequence: String(expectedSequence) }),
    replyTo: String(draft.replyTo),
    mentionIds: draft.mentionIds,
    attachments: draft.attachments.map((attachment) => ({ ...attachment, sizeBytes: String(attachment.sizeBytes) })),
    ...(content?.body?.$case === 'text' ? { text: content.body.value } : {}),
    ...(content?.body?.$case === 'opaque' ? { opaque: Buffer.from(content.body.value).toString('base64') } : {}),
    ...(content === undefined ? {} : { contentType: content.contentType }),
  };
}

/** @throws SyntaxError or TypeError when it is not what `jsonOfDraft` made. */
export function draftOfJson(json: unknown): Draft {
  const draft = json as DraftJson;
  return {
    threadId: draft.threadId,
    clientMessageId: draft.clientMessageId,
    knownHead: BigInt(draft.knownHead),
    expectedSequence: draft.expectedSequence === undefined ? undefined : BigInt(draft.expectedSequence),
    replyTo: BigInt(draft.replyTo),
    mentionIds: draft.mentionIds,
    attachments: draft.attachments.map((attachment) => ({ ...attachment, sizeBytes: BigInt(attachment.sizeBytes) })),
    content: contentOf(draft),
  };
}

function contentOf({ text, opaque, contentType = '' }: DraftJson): Content | undefined {
  if (text !== undefined) return { body: { $case: 'text', value: text }, contentType };
  if (opaque !== undefined) return { body: { $case: 'opaque', value: Buffer.from(opaque, 'base64') }, contentType };
  return undefined;
}
