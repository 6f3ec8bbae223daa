import type { Attachment as ProtoAttachment, Content as ProtoContent } from '#proto/parley/v1/entry.ts';
import { type Attachment, type Body, type Content, emptyBody } from '../../core/entry.ts';
import { invalidField } from '../../core/errors.ts';
import { counted, parseDistinctUserIds, parseMediaType, parseName, parseUri, tooLarge } from '../validate.ts';

/** Bytes of a message's text or opaque content. */
const maxContentBytes = 65_536;
const maxMentions = 50;
const maxAttachments = 20;

/** The parts of a message, as Send, SendMessage and EditMessage have them. */
export interface ProtoBody {
  readonly content: ProtoContent | undefined;
  readonly mentionIds: readonly string[];
  readonly attachments: readonly ProtoAttachment[];
}

/**
 * What a message says, checked. `prefix` leads to it in the request: `send.` in a frame, empty in a unary request.
 * @throws Refusal INVALID_FIELD, TOO_LARGE
 */
export function bodyFromProto(message: ProtoBody, prefix = ''): Body {
  const content = contentFromProto(message.content, `${prefix}content`);
  if (message.mentionIds.length === 0 && message.attachments.length === 0) {
    if (content === undefined) throw invalidField(`${prefix}content`, 'must be set when there is no attachment');
    return { content, mentions: emptyBody.mentions, attachments: emptyBody.attachments };
  }
  const mentions = parseDistinctUserIds(message.mentionIds, maxMentions, `${prefix}mention_ids`);
  const attachments = attachmentsFromProto(message.attachments, `${prefix}attachments`);
  if (content !== undefined) return { content, mentions, attachments };
  if (attachments.length === 0) throw invalidField(`${prefix}content`, 'must be set when there is no attachment');
  return { mentions, attachments };
}

/** Undefined when neither text nor bytes are set. @throws Refusal INVALID_FIELD, TOO_LARGE */
function contentFromProto(content: ProtoContent | undefined, field = 'content'): Content | undefined {
  const body = content?.body;
  if (content === undefined || body === undefined) {
    if (content !== undefined && content.contentType !== '') {
      throw invalidField(`${field}.content_type`, 'is only for opaque content');
    }
    return undefined;
  }
  if (body.$case === 'text') {
    const text = body.value;
    if (text === '') throw invalidField(`${field}.text`, 'must not be empty');
    // A UTF-16 unit is at most 3 bytes: short texts need no counting.
    if (text.length * 3 > maxContentBytes && Buffer.byteLength(text) > maxContentBytes) {
      throw tooLarge(`${field}.text`, `must be at most ${maxContentBytes} bytes`);
    }
    if (content.contentType !== '') throw invalidField(`${field}.content_type`, 'is only for opaque content');
    return { text };
  }
  const opaque = body.value;
  if (opaque.length === 0) throw invalidField(`${field}.opaque`, 'must not be empty');
  if (opaque.length > maxContentBytes) {
    throw tooLarge(`${field}.opaque`, `must be at most ${maxContentBytes} bytes`);
  }
  return { opaque, contentType: parseMediaType(content.contentType, 1, `${field}.content_type`) };
}

function attachmentsFromProto(list: readonly ProtoAttachment[], field: string): readonly Attachment[] {
  return counted(list, 0, maxAttachments, field).map((one, index) => ({
    uri: parseUri(one.uri, `${field}[${index}].uri`),
    contentType: parseMediaType(one.contentType, 0, `${field}[${index}].content_type`),
    name: parseName(one.name, 0, 255, `${field}[${index}].name`),
    sizeBytes: one.sizeBytes,
  }));
}

/** Shares bytes and strings with what it converts. */
export function contentToProto(content: Content | undefined): ProtoContent | undefined {
  if (content === undefined) return undefined;
  if ('text' in content) return { body: { $case: 'text', value: content.text }, contentType: '' };
  return { body: { $case: 'opaque', value: content.opaque as Buffer }, contentType: content.contentType };
}
