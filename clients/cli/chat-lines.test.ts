import { describe, expect, test } from 'vitest';
import { Entry } from '#proto/parley/v1/entry.ts';
import { Message } from '#proto/parley/v1/thread.ts';
import { bodyOf, changeOf, connectionLine, extrasOf, presenceText, ticksOf } from './chat-lines.ts';

const message = (fields: Parameters<typeof Message.fromPartial>[0]): Message => Message.fromPartial(fields);
const name = (userId: string): string => userId.toUpperCase();

describe('lines of text', () => {
  test('tell what became of a message', () => {
    const ticks = (state: 'sent' | 'delivered' | 'read', delivered: number, read: number, members: number): string =>
      ticksOf({ state, deliveredCount: delivered, readCount: read, memberCount: members });
    expect(ticks('sent', 0, 0, 0)).toBe('✓');
    expect(ticks('delivered', 1, 0, 1)).toBe('✓✓');
    expect(ticks('read', 1, 1, 1)).toBe('✓✓ read');
    expect(ticks('sent', 2, 1, 4)).toBe('✓ 2/4 read 1/4');
    expect(ticks('delivered', 4, 1, 4)).toBe('✓✓ read 1/4');
  });

  test('say what a message says when it is no text', () => {
    const opaque = { $case: 'opaque', value: Buffer.from('abc') } as const;
    expect(bodyOf(message({ content: { body: opaque, contentType: 'x/y' } }))).toBe('[3 bytes of x/y]');
    expect(bodyOf(message({ attachments: [{ uri: 'https://x/y', name: 'photo' }] }))).toBe('[photo]');
    expect(bodyOf(message({ deleteSequence: 4n }))).toBe('(deleted)');
    expect(bodyOf(message({ erased: true }))).toBe('(no longer kept)');
    expect(bodyOf(message({}))).toBe('(nothing)');
  });

  test('say that it was edited, and the reactions with one’s own marked', () => {
    const reactions = [
      { emoji: '👍', count: 2, mine: true },
      { emoji: '🎉', count: 1, mine: false },
    ];
    expect(extrasOf(message({ editSequence: 3n, reactions }))).toBe('(edited) 👍2* 🎉');
  });

  test('say who did what, and keep a place for what is not known', () => {
    const change = (kind: NonNullable<Parameters<typeof Entry.fromPartial>[0]['kind']>, senderId = 'a'): string =>
      changeOf(Entry.fromPartial({ senderId, kind }), name);
    expect(change({ $case: 'memberAdded', value: { userId: 'b' } })).toBe('A added B');
    expect(change({ $case: 'memberRemoved', value: { userId: 'a' } })).toBe('A left');
    expect(change({ $case: 'memberRemoved', value: { userId: 'b' } })).toBe('A removed B');
    expect(change({ $case: 'roleChanged', value: { userId: 'b', role: 2 } })).toBe('A made B admin');
    expect(changeOf(Entry.fromPartial({ senderId: 'a' }), name)).toContain('cannot show');
  });

  test('say honestly where the connection stands', () => {
    expect(connectionLine({ phase: 'waiting', retryInMs: 9000, error: undefined }, 2500, 'here:1')).toEqual({
      mark: '○',
      text: 'offline, next try in 7 s (here:1)',
    });
    expect(connectionLine({ phase: 'closed', reason: 'superseded', error: undefined }, 0, 'here:1').text).toContain(
      'elsewhere',
    );
  });

  test('say when somebody was there', () => {
    const seen = (minutes: number): string => {
      const lastSeenTime = { seconds: BigInt(1_000_000 - minutes * 60), nanos: 0 };
      return presenceText({ userId: 'b', state: 2, lastSeenTime, asOfTime: undefined }, 1_000_000_000);
    };
    expect(seen(0)).toBe('last seen just now');
    expect(seen(59)).toBe('last seen 59 min ago');
    expect(seen(90)).toBe('last seen 1 h ago');
    expect(presenceText({ userId: 'b', state: 4, lastSeenTime: undefined, asOfTime: undefined }, 0)).toBe('');
  });
});
