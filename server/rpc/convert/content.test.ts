import { expect, test } from 'vitest';
import type { Content } from '#proto/parley/v1/entry.ts';
import { Refusal } from '../../core/errors.ts';
import { type ProtoBody, bodyFromProto, contentToProto } from './content.ts';

const text = (value: string, contentType = ''): Content => ({ body: { $case: 'text', value }, contentType });
const opaque = (bytes: number, contentType: string): Content => ({
  body: { $case: 'opaque', value: Buffer.alloc(bytes, 1) },
  contentType,
});
const attachment = { uri: 'https://files.test/a?b=c', contentType: 'image/png', name: 'a.png', sizeBytes: 5n };
const body = (parts: Partial<ProtoBody>): ProtoBody => ({
  content: undefined,
  mentionIds: [],
  attachments: [],
  ...parts,
});

test.each<[string, ProtoBody]>([
  ['one byte of text', body({ content: text('x') })],
  ['65,536 bytes of text', body({ content: text('é'.repeat(32_768)) })],
  ['65,536 opaque bytes', body({ content: opaque(65_536, 'application/x-mls') })],
  ['an attachment alone', body({ attachments: [attachment] })],
  [
    '20 attachments and 50 mentions',
    body({
      content: text('x'),
      attachments: Array.from({ length: 20 }, () => attachment),
      mentionIds: Array.from({ length: 50 }, (_, index) => `user-${index}`),
    }),
  ],
])('%s is a message, and comes back as it was', (_, message) => {
  const parsed = bodyFromProto(message);
  expect(contentToProto(parsed.content)).toEqual(message.content);
  expect(parsed.mentions).toEqual(message.mentionIds);
  expect(parsed.attachments).toEqual(message.attachments);
});

test.each<[what: string, message: ProtoBody, reason: string, field: string]>([
  ['nothing', body({}), 'INVALID_FIELD', 'content'],
  ['content without a body', body({ content: { body: undefined, contentType: '' } }), 'INVALID_FIELD', 'content'],
  ['mentions alone', body({ mentionIds: ['bob'] }), 'INVALID_FIELD', 'content'],
  ['empty text', body({ content: text('') }), 'INVALID_FIELD', 'content.text'],
  ['text with a type', body({ content: text('x', 'text/plain') }), 'INVALID_FIELD', 'content.content_type'],
  ['text of 65,537 bytes', body({ content: text(`x${'é'.repeat(32_768)}`) }), 'TOO_LARGE', 'content.text'],
  ['65,537 bytes', body({ content: opaque(65_537, 'a/b') }), 'TOO_LARGE', 'content.opaque'],
  ['no bytes', body({ content: opaque(0, 'a/b') }), 'INVALID_FIELD', 'content.opaque'],
  ['bytes without a type', body({ content: opaque(1, '') }), 'INVALID_FIELD', 'content.content_type'],
  ['a type that is not ASCII', body({ content: opaque(1, 'a/ü') }), 'INVALID_FIELD', 'content.content_type'],
  ['a type alone', body({ content: { body: undefined, contentType: 'a/b' } }), 'INVALID_FIELD', 'content.content_type'],
  [
    '51 mentions',
    body({ content: text('x'), mentionIds: Array.from({ length: 51 }, (_, index) => `user-${index}`) }),
    'INVALID_FIELD',
    'mention_ids',
  ],
  [
    'a mention with a control character',
    body({ content: text('x'), mentionIds: ['bob', 'a\nb'] }),
    'INVALID_FIELD',
    'mention_ids[1]',
  ],
  [
    '21 attachments',
    body({ attachments: Array.from({ length: 21 }, () => attachment) }),
    'INVALID_FIELD',
    'attachments',
  ],
  ['a relative URI', body({ attachments: [{ ...attachment, uri: '/a' }] }), 'INVALID_FIELD', 'attachments[0].uri'],
  [
    'a URI with a line break',
    body({ attachments: [attachment, { ...attachment, uri: 'https://x.test/\na' }] }),
    'INVALID_FIELD',
    'attachments[1].uri',
  ],
  [
    'a URI over 2,048 bytes',
    body({ attachments: [{ ...attachment, uri: `https://x.test/${'a'.repeat(2_048)}` }] }),
    'INVALID_FIELD',
    'attachments[0].uri',
  ],
  [
    'an attachment’s name over 255 bytes',
    body({ attachments: [{ ...attachment, name: 'é'.repeat(128) }] }),
    'INVALID_FIELD',
    'attachments[0].name',
  ],
])('%s is refused by its path', (_, message, reason, field) => {
  for (const prefix of ['', 'send.']) {
    let refusal: unknown;
    try {
      bodyFromProto(message, prefix);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(Refusal);
    expect(refusal).toMatchObject({ reason, fields: [{ field: `${prefix}${field}` }] });
  }
});

test('a mention is kept once, however often it is named', () => {
  const { mentions } = bodyFromProto(body({ content: text('x'), mentionIds: ['bob', 'carol', 'bob'] }));
  expect(mentions).toEqual(['bob', 'carol']);
});
