import { expect, test } from 'vitest';
import { type Body, emptyBody } from '../../core/entry.ts';
import { type Said, wordingOf } from './wording.ts';

function said(over: Partial<Said> & { readonly text?: string } = {}): Said {
  const { text = 'hello', ...rest } = over;
  const body: Body = { ...emptyBody, content: { text } };
  return { locale: 'en', senderName: 'Bob', groupName: undefined, body, unread: 1, hidden: false, ...rest };
}

const attachment = { uri: 'https://x', contentType: 'image/png', name: 'x', sizeBytes: 1n };
const withAttachments = (count: number): Body => ({
  mentions: [],
  attachments: Array.from({ length: count }, () => attachment),
});

test('a direct message is titled by who sent it, a group one by the group', () => {
  expect(wordingOf(said())).toEqual({ title: 'Bob', text: 'hello' });
  expect(wordingOf(said({ groupName: 'Crew' }))).toEqual({ title: 'Crew', text: 'Bob: hello' });
  expect(wordingOf(said({ groupName: '', senderName: '' }))).toEqual({ title: 'New message', text: 'hello' });
  expect(wordingOf(said({ unread: 3 }))).toEqual({ title: 'Bob', text: 'hello · 3 new messages' });
});

test('what is hidden names nobody and quotes nothing', () => {
  const hidden = said({ groupName: 'Crew', hidden: true, locale: 'de-AT' });
  expect(wordingOf(hidden)).toEqual({ title: 'Neue Nachricht', text: 'Neue Nachricht' });
  expect(wordingOf({ ...hidden, unread: 2 })).toEqual({ title: 'Neue Nachricht', text: '2 neue Nachrichten' });
});

test('what is encrypted, empty or erased is only said to have come', () => {
  const opaque = { opaque: new Uint8Array(9), contentType: 'application/x-e2e' };
  expect(wordingOf(said({ body: { ...emptyBody, content: opaque } })).text).toBe('sent a message');
  expect(wordingOf(said({ body: emptyBody, locale: 'fr' })).text).toBe('a envoyé un message');
});

test.each([
  ['en', 1, 'sent an attachment'],
  ['en-GB', 2, 'sent 2 attachments'],
  ['de', 2, 'hat 2 Anhänge gesendet'],
  ['es-MX', 1, 'ha enviado un archivo'],
  ['fr', 1_234, 'a envoyé 1\u202f234 pièces jointes'],
  ['pl', 3, 'wysyła 3 załączniki'],
  ['pl', 5, 'wysyła 5 załączników'],
  ['ja', 1, '添付ファイルを1件送信しました'],
  ['zh', 2, '发来2个附件'],
  ['zh-Hant-HK', 2, '傳來2個附件'],
  ['zh-TW', 2, '傳來2個附件'],
  ['xx', 2, 'sent 2 attachments'],
  ['', 2, 'sent 2 attachments'],
  ['constructor', 2, 'sent 2 attachments'],
])('attachments are counted in the plural of %s: %i', (locale, count, text) => {
  expect(wordingOf(said({ locale, body: withAttachments(count) })).text).toBe(text);
});

test('long text is cut between graphemes, and never takes more than a push service does', () => {
  const family = '👨‍👩‍👧‍👦';
  const { text } = wordingOf(said({ text: family.repeat(300) }));
  expect(text.endsWith(`${family}…`)).toBe(true);
  expect(Buffer.byteLength(text)).toBeLessThan(1_500);
  expect(wordingOf(said({ text: 'é'.repeat(300) })).text).toBe(`${'é'.repeat(200)}…`);
  expect(wordingOf(said({ text: 'x'.repeat(200) })).text).toBe('x'.repeat(200));
  const zalgo = `a${'\u0301'.repeat(30_000)}`;
  expect(Buffer.byteLength(wordingOf(said({ text: zalgo, senderName: zalgo, groupName: zalgo })).text)).toBeLessThan(
    2_000,
  );
});
