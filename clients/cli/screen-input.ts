import type { Editor } from './editor.ts';
import { characters, fit, printable, widthOf } from './text.ts';

interface Input {
  readonly rows: string[];
  readonly cursor: { readonly row: number; readonly column: number };
}

const prompt = '> ';

/** Draws what is being written: at most `mostRows`, those around the cursor. */
export function drawInput({ text, cursor }: Editor, columns: number, mostRows: number): Input {
  const room = columns - prompt.length - 1;
  const lines: string[] = [''];
  let width = 0;
  let at = 0;
  let place = { row: 0, column: 0 };
  for (const character of characters(text)) {
    if (at === cursor) place = { row: lines.length - 1, column: width };
    at += character.length;
    const shown = character === '\n' || character === '\r\n' ? '' : printable(character);
    const more = widthOf(shown);
    if ((shown === '' && character.includes('\n')) || width + more > room) {
      lines.push('');
      width = 0;
    }
    lines[lines.length - 1] += shown;
    width += more;
  }
  if (cursor >= at) place = { row: lines.length - 1, column: width };
  const first = Math.max(0, Math.min(place.row - mostRows + 1, lines.length - mostRows));
  const rows = lines.slice(first, first + mostRows).map((line, row) => {
    // What does not fit is counted, so that a large paste is seen to be all there.
    const lead = first + row === 0 ? prompt : row === 0 ? '↑ ' : '  ';
    return lead + fit(line, columns - prompt.length);
  });
  return { rows, cursor: { row: place.row - first, column: place.column + prompt.length } };
}
