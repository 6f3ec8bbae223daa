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
  for (const [shown, userId] of mentions) {
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
