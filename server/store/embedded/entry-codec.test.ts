import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Body, Entry } from '../../core/entry.ts';
import type { DeviceId, UserId } from '../../core/ids.ts';
import { ByteWriter } from './bytes.ts';
import { decodeEntry, encodeEntry } from './entry-codec.ts';

const text = fc.string({ unit: 'grapheme', maxLength: 60 });
const whole = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const sequence = whole.map(BigInt);
const content = fc.oneof(
  fc.record({ text: fc.oneof(text, fc.string({ minLength: 5_000, maxLength: 6_000 })) }),
  fc.record({ opaque: fc.uint8Array({ maxLength: 300 }), contentType: text }),
);
const attachment = fc.record({
  uri: text,
  contentType: text,
  name: text,
  sizeBytes: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
});
const body = fc.record(
  { content, mentions: fc.array(text.map((id) => id as UserId)), attachments: fc.array(attachment, { maxLength: 3 }) },
  { requiredKeys: ['mentions', 'attachments'] },
) as fc.Arbitrary<Body>;
const entry: fc.Arbitrary<Entry> = fc.record({
  sequence,
  ordinal: sequence,
  senderId: text.map((id) => id as UserId),
  deviceId: text.map((id) => id as DeviceId),
  clientMessageId: text,
  createTimeMs: whole,
  change: fc.oneof(
    fc.record({
      kind: fc.constant('message' as const),
      replyTo: sequence,
      body,
      editSequence: sequence,
      deleteSequence: sequence,
    }),
    fc.record({ kind: fc.constant('reaction-changed' as const), target: sequence, emoji: text, removed: fc.boolean() }),
    fc.record({ kind: fc.constant('group-changed' as const), name: text, historyForNewMembers: fc.boolean() }),
  ),
});

test('an entry is read back as it was written', () => {
  const words = new ByteWriter();
  fc.assert(
    fc.property(entry, (one) => {
      expect(decodeEntry(encodeEntry(words, one), Number(one.sequence))).toEqual(one);
    }),
  );
});

const sample: Entry = {
  sequence: 1n,
  ordinal: 1n,
  senderId: 'ann' as UserId,
  deviceId: 'phone' as DeviceId,
  clientMessageId: 'id',
  createTimeMs: 5,
  change: {
    kind: 'message',
    replyTo: 0n,
    body: { content: { text: 'hello' }, mentions: [], attachments: [] },
    editSequence: 0n,
    deleteSequence: 0n,
  },
};

test('the bytes of an edit do not hold its body', () => {
  const edit: Entry = {
    ...sample,
    change: {
      kind: 'message-edited',
      target: 1n,
      body: { content: { text: 'needle' }, mentions: [], attachments: [] },
    },
  };
  const bytes = encodeEntry(new ByteWriter(), edit);
  expect(bytes.includes('needle')).toBe(false);
  expect(decodeEntry(bytes, 1).change).toEqual({
    kind: 'message-edited',
    target: 1n,
    body: { mentions: [], attachments: [] },
  });
});

test('a value with any wrong byte, or a wrong length, is refused', () => {
  const bytes = encodeEntry(new ByteWriter(), sample);
  for (let at = 0; at < bytes.length; at++) {
    const wrong = Buffer.from(bytes);
    wrong[at] = (wrong[at] ?? 0) ^ 0x10;
    expect(() => decodeEntry(wrong, 1)).toThrow(/damaged/);
    expect(() => decodeEntry(bytes.subarray(0, at), 1)).toThrow(/damaged/);
  }
});

test('a value of a later version, or of a kind that came later, is refused with words', () => {
  for (const [at, value] of [
    [0, 2],
    [1, 9],
  ] as const) {
    const later = Buffer.from(encodeEntry(new ByteWriter(), sample));
    later[at] = value;
    later.writeUInt32BE(crc32(later.subarray(0, -4)), later.length - 4);
    const refused = {
      reason: 'STORE_UNAVAILABLE',
      message: expect.stringContaining('newer version of Parley') as string,
    };
    expect(() => decodeEntry(later, 1)).toThrow(expect.objectContaining(refused) as Error);
  }
});
