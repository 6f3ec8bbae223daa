import type { Body } from '../../core/entry.ts';

/** What is said to the user in their language. `other` and the like are plural categories of the language; # is the number. */
interface Words {
  readonly newMessage: string;
  readonly sentMessage: string;
  readonly sentAttachments: Readonly<Partial<Record<Intl.LDMLPluralRule, string>>> & { readonly other: string };
  /** Goes before the text when more than one is unread. */
  readonly unread: Readonly<Partial<Record<Intl.LDMLPluralRule, string>>> & { readonly other: string };
}

const languages: Readonly<Record<string, Words>> = {
  en: {
    newMessage: 'New message',
    sentMessage: 'sent a message',
    sentAttachments: { one: 'sent an attachment', other: 'sent # attachments' },
    unread: { one: '# new message', other: '# new messages' },
  },
  de: {
    newMessage: 'Neue Nachricht',
    sentMessage: 'hat eine Nachricht gesendet',
    sentAttachments: { one: 'hat einen Anhang gesendet', other: 'hat # Anhänge gesendet' },
    unread: { one: '# neue Nachricht', other: '# neue Nachrichten' },
  },
  es: {
    newMessage: 'Mensaje nuevo',
    sentMessage: 'ha enviado un mensaje',
    sentAttachments: { one: 'ha enviado un archivo', other: 'ha enviado # archivos' },
    unread: { one: '# mensaje nuevo', other: '# mensajes nuevos' },
  },
  fr: {
    newMessage: 'Nouveau message',
    sentMessage: 'a envoyé un message',
    sentAttachments: { one: 'a envoyé une pièce jointe', other: 'a envoyé # pièces jointes' },
    unread: { one: '# nouveau message', other: '# nouveaux messages' },
  },
  ja: {
    newMessage: '新着メッセージ',
    sentMessage: 'メッセージを送信しました',
    sentAttachments: { other: '添付ファイルを#件送信しました' },
    unread: { other: '新着メッセージ#件' },
  },
  pl: {
    newMessage: 'Nowa wiadomość',
    sentMessage: 'wysyła wiadomość',
    sentAttachments: { one: 'wysyła załącznik', few: 'wysyła # załączniki', other: 'wysyła # załączników' },
    unread: { one: '# nowa wiadomość', few: '# nowe wiadomości', other: '# nowych wiadomości' },
  },
  'zh-hans': {
    newMessage: '新消息',
    sentMessage: '发来一条消息',
    sentAttachments: { other: '发来#个附件' },
    unread: { other: '#条新消息' },
  },
  'zh-hant': {
    newMessage: '新訊息',
    sentMessage: '傳來一則訊息',
    sentAttachments: { other: '傳來#個附件' },
    unread: { other: '#則新訊息' },
  },
};
const fallback = 'en';

/** A notification takes 4 KiB with all that goes around it; a single grapheme may be longer than any screen. */
const maxGraphemes = 200;
const maxTextBytes = 1_400;
const maxNameBytes = 200;

export interface Said {
  readonly locale: string;
  /** Empty = nobody's: the system's. */
  readonly senderName: string;
  /** Of a group; undefined in a direct thread. */
  readonly groupName: string | undefined;
  readonly body: Body;
  /** Messages of the thread that are unread. */
  readonly unread: number;
  /** Only that something came is said, never what or from whom. */
  readonly hidden: boolean;
}

export interface Wording {
  readonly title: string;
  readonly text: string;
}

/** What a notification says. Never empty. */
export function wordingOf({ locale, senderName, groupName, body, unread, hidden }: Said): Wording {
  const language = languageOf(locale);
  const words = languages[language] ?? languages[fallback];
  if (words === undefined) throw new Error('there are words in the fallback language');
  const count = plural(language, words.unread, unread);
  if (hidden) return { title: words.newMessage, text: unread > 1 ? count : words.newMessage };
  const sender = cut(senderName, maxNameBytes);
  const isGroup = groupName !== undefined;
  const title = (isGroup ? cut(groupName, maxNameBytes) : sender) || words.newMessage;
  const said = textOf(body, language, words);
  // In a group the title is the group's, so the text says who.
  const text = isGroup && sender !== '' ? `${sender}: ${said}` : said;
  return { title, text: unread > 1 ? `${text} · ${count}` : text };
}

function textOf({ content, attachments }: Body, language: string, words: Words): string {
  const text = content !== undefined && 'text' in content ? cut(content.text.trim(), maxTextBytes) : '';
  if (text !== '') return text;
  // What is opaque is encrypted, or for the app alone.
  if (content !== undefined && 'opaque' in content) return words.sentMessage;
  return attachments.length > 0 ? plural(language, words.sentAttachments, attachments.length) : words.sentMessage;
}

function plural(language: string, forms: Words['unread'], count: number): string {
  const form = forms[new Intl.PluralRules(language).select(count)] ?? forms.other;
  return form.replace('#', new Intl.NumberFormat(language).format(count));
}

/** Of a BCP 47 tag, the nearest that there are words in. */
function languageOf(locale: string): string {
  const parts = locale.toLowerCase().split(/[-_]/);
  const language = parts[0] ?? '';
  if (language === 'zh') return parts.some((part) => ['hant', 'tw', 'hk', 'mo'].includes(part)) ? 'zh-hant' : 'zh-hans';
  return Object.hasOwn(languages, language) ? language : fallback;
}

/** On the boundary of a grapheme. */
function cut(text: string, maxBytes: number): string {
  if (text.length <= maxGraphemes && Buffer.byteLength(text) <= maxBytes) return text;
  let kept = '';
  let bytes = 0;
  let graphemes = 0;
  // A grapheme may be as long as the whole text: what is looked at is bounded first.
  for (const { segment } of new Intl.Segmenter().segment(text.slice(0, maxBytes * 4))) {
    bytes += Buffer.byteLength(segment);
    if (++graphemes > maxGraphemes || bytes > maxBytes) return `${kept}…`;
    kept += segment;
  }
  return kept;
}
