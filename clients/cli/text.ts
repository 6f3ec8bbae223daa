// Text on a grid: how wide it is, what of it may reach a terminal, where it breaks.
import stringWidth from 'string-width';

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Columns that a text takes: 2 for Chinese, Japanese and Korean characters and for emoji. */
export function widthOf(text: string): number {
  return stringWidth(text, { countAnsiEscapeCodes: true });
}

/** What people see as one character each. */
export function characters(text: string): string[] {
  return Array.from(graphemes.segment(text), ({ segment }) => segment);
}

// Others' texts must not move the cursor, set the title or turn the line around: control characters (without line feed)
// and the bidirectional overrides.
const unsafe = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** The text as it may be shown: tabs as spaces, control characters as a sign. */
export function printable(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replaceAll('\t', '    ')
    .replace(unsafe, (character) => (character > '\u200d' ? '' : '·'));
}

const style = /(\u001b\[[0-9;]*m)/u;
// Terminals do not agree about the width of what is joined, modified or a flag.
const doubtful = /\u200d|\ufe0f|\p{Regional_Indicator}|\p{Emoji_Modifier}|\p{M}/u;

/** A row in which the cursor is put back to its column after each character whose width is in doubt. */
export function anchored(row: string): string {
  if (!doubtful.test(row)) return row;
  let column = 0;
  let out = '';
  for (const part of row.split(style)) {
    if (part.startsWith('\u001b')) {
      out += part;
      continue;
    }
    for (const character of characters(part)) {
      column += widthOf(character);
      out += doubtful.test(character) ? `${character}\u001b[${column + 1}G` : character;
    }
  }
  return out;
}

/** The beginning of a text, exactly `columns` wide: cut with an ellipsis or filled with spaces. One line. */
export function fit(text: string, columns: number): string {
  const line = printable(text).replaceAll('\n', ' ');
  const width = widthOf(line);
  if (width <= columns) return line + ' '.repeat(columns - width);
  if (columns <= 0) return '';
  let cut = '';
  let taken = 0;
  for (const character of characters(line)) {
    const more = widthOf(character);
    if (taken + more > columns - 1) break;
    cut += character;
    taken += more;
  }
  return `${cut}…${' '.repeat(columns - 1 - taken)}`;
}

/** Breaks a text into lines of at most `columns`, at spaces where there are some. At least one line; none is padded. */
export function wrap(text: string, columns: number): string[] {
  return text.split('\n').flatMap((line) => wrapLine(line, Math.max(2, columns)));
}

function wrapLine(line: string, columns: number): string[] {
  const lines: string[] = [];
  let current = '';
  let width = 0;
  for (const word of line.split(/(?<= )/u)) {
    const bare = widthOf(word.trimEnd());
    if (width > 0 && width + bare > columns) {
      lines.push(current);
      current = '';
      width = 0;
    }
    if (bare <= columns) {
      current += word;
      width += widthOf(word);
      continue;
    }
    // Longer than a line: an address, or a language without spaces.
    for (const character of characters(word)) {
      const more = widthOf(character);
      if (width + more > columns) {
        lines.push(current);
        current = '';
        width = 0;
      }
      current += character;
      width += more;
    }
  }
  lines.push(current);
  return lines.map((each) => (widthOf(each) > columns ? each.trimEnd() : each));
}
