/** A piece of a message's text. */
export type TextPiece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'link'; readonly text: string; readonly href: string }
  | { readonly kind: 'mention'; readonly text: string; readonly userId: string };

const linkForm = /\bhttps?:\/\/[^\s<>"'`，。；：！？、“”‘’（）《》]+/giu;
/** What ends a sentence is no part of an address. */
const trailing = /[.,;:!?…。，；：！？、)\]}»”’]+$/u;

/**
 * Splits a text into what is shown in ways of its own. Only http and https become links, and only what a browser takes for
 * an address. `mentions`: what stands in the text for each user, as `@Alice`.
 */
export function piecesOf(text: string, mentions: ReadonlyMap<string, string>): TextPiece[] {
  const pieces: TextPiece[] = [];
  let at = 0;
  for (const match of text.matchAll(linkForm)) {
    const shown = trimmed(match[0]);
    if (!URL.canParse(shown)) continue;
    pieces.push(...mentionsIn(text.slice(at, match.index), mentions), {
      kind: 'link',
      text: shown,
      href: new URL(shown).href,
    });
    at = match.index + shown.length;
  }
  pieces.push(...mentionsIn(text.slice(at), mentions));
  return pieces;
}

function trimmed(address: string): string {
  const end = trailing.exec(address)?.[0] ?? '';
  // A bracket that was opened inside belongs to it: https://en.wikipedia.org/wiki/Ada_(name)
  const closes = end.startsWith(')') && address.includes('(');
  return closes ? address.slice(0, address.length - end.length + 1) : address.slice(0, address.length - end.length);
}

function mentionsIn(text: string, mentions: ReadonlyMap<string, string>): TextPiece[] {
  let rest: TextPiece[] = text === '' ? [] : [{ kind: 'text', text }];
  for (const [shown, userId] of longestFirst(mentions)) {
    rest = rest.flatMap((piece) => {
      if (piece.kind !== 'text') return [piece];
      const parts = piece.text.split(shown);
      return parts.flatMap((part, index): TextPiece[] => {
        const before: TextPiece[] = index === 0 ? [] : [{ kind: 'mention', text: shown, userId }];
        return part === '' ? before : [...before, { kind: 'text', text: part }];
      });
    });
  }
  return rest;
}

/** @Anna is not @Ann and an a. */
function longestFirst<T>(mentions: Iterable<readonly [string, T]>): (readonly [string, T])[] {
  return [...mentions].toSorted(([a], [b]) => b.length - a.length);
}

/**
 * Who is mentioned in a text. `picked`: who was chosen for what stands there, as `@Alice`; `before`: who was mentioned in it
 * until now, and stays so where it is not known how they are called. Anybody of `people` is by their name or id written out.
 */
export function mentionedIn(
  text: string,
  picked: ReadonlyMap<string, string>,
  before: readonly string[],
  people: readonly { readonly userId: string; readonly name: string }[],
): string[] {
  const names = new Map(people.map(({ userId, name }) => [userId, `@${name}`]));
  const chosen = new Map(picked);
  for (const userId of before) chosen.set(names.get(userId) ?? `@${userId}`, userId);
  // Several people may be called the same.
  const meant = new Map([...chosen].map(([shown, userId]) => [shown, [userId]]));
  for (const { userId, name } of text.includes('@') ? people : []) {
    for (const shown of new Set([`@${name}`, `@${userId}`])) {
      if (!chosen.has(shown)) meant.set(shown, [...(meant.get(shown) ?? []), userId]);
    }
  }
  const mentioned = new Set(before.filter((userId) => !names.has(userId)));
  let rest = text;
  for (const [shown, userIds] of longestFirst(meant)) {
    const parts = rest.split(shown);
    const isWord = (after: string, at: number): boolean => !/^\w/.test(after) && !/\w$/.test(parts[at] ?? '');
    if (parts.length < 2 || !(chosen.has(shown) || parts.slice(1).some(isWord))) continue;
    for (const userId of userIds) mentioned.add(userId);
    rest = parts.join('\0');
  }
  return [...mentioned];
}

/** Whether a text is nothing but one to three emoji. */
export function isEmojiOnly(text: string): boolean {
  // The first look at all there are takes as long as drawing a page of messages: most texts are seen to have none, or to begin with none.
  const mayBe = text.length <= 40 && /[\u2000-\uffff]/.test(text) && !/^[a-z\u3040-\u30ff\u3400-\ud7ff]/i.test(text);
  return mayBe && /^(?:\p{RGI_Emoji}\s*){1,3}$/v.test(text);
}

const [mostLines, mostChars] = [14, 1_400];

/** The beginning of a long text, and how many lines it has in all; undefined when it is short. */
export function beginningOf(text: string): { readonly text: string; readonly lines: number } | undefined {
  let lines = 1;
  let end = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
    if (lines === mostLines) end = at;
    lines += 1;
  }
  if (lines <= mostLines + 4 && text.length <= mostChars * 1.3) return undefined;
  if (end === 0 || end > mostChars) end = wordEnd(text, mostChars);
  return { text: text.slice(0, end), lines };
}

/** A place near `at` where a word ends, never inside a character. */
function wordEnd(text: string, at: number): number {
  const space = text.lastIndexOf(' ', at);
  if (space > at - 80) return space;
  return /[\uD800-\uDBFF]/.test(text[at - 1] ?? '') ? at - 1 : at;
}
