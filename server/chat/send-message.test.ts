import { expect, test } from 'vitest';
import type { Attachment, Body } from '../core/entry.ts';
import type { UserId } from '../core/ids.ts';
import { fingerprintOf } from './send-message.ts';

const attachment: Attachment = { uri: 'https://a/b', contentType: '', name: '', sizeBytes: 0n };
const bodies: readonly Body[] = [
  { mentions: [], attachments: [] },
  { content: { text: 'a' }, mentions: [], attachments: [] },
  { content: { text: 'a' }, mentions: ['b' as UserId], attachments: [] },
  { content: { opaque: Buffer.from('b'), contentType: 'a' }, mentions: [], attachments: [] },
  { mentions: ['a' as UserId, 'b' as UserId], attachments: [] },
  { mentions: ['a' as UserId], attachments: [attachment] },
  { content: { text: 'a' }, mentions: [], attachments: [attachment] },
  { content: { text: 'a' }, mentions: [], attachments: [{ ...attachment, sizeBytes: 1n }] },
  { mentions: [JSON.stringify(['https://a/b', '', '', '0']) as UserId], attachments: [] },
];

test('a repeat of a body has its fingerprint, and no other body has, nor the same one as an edit or an answer', () => {
  const fingerprints = bodies.flatMap((body) => [
    fingerprintOf(0n, body),
    fingerprintOf(1n, body),
    fingerprintOf(1n, body, 'edit'),
  ]);
  expect(new Set(fingerprints).size).toBe(bodies.length * 3);
  expect(bodies.map((body) => fingerprintOf(0n, structuredClone(body)))).toEqual(
    bodies.map((body) => fingerprintOf(0n, body)),
  );
});
