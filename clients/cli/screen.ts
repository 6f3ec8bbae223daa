import { drawInput } from './screen-input.ts';
import { fit, printable, widthOf, wrap } from './text.ts';
import type { ChatLine, OpenThread, ThreadLine, View } from './view.ts';

export interface Screen {
  /** One string for each row, exactly as wide as the screen (and styled, with colour). */
  readonly rows: readonly string[];
  readonly cursor: { readonly row: number; readonly column: number };
  /** Rows of the open thread that a page holds, and how far it can be scrolled. */
  readonly pageRows: number;
  readonly maxScroll: number;
}

/** A screen narrower than this shows either the list or a thread. */
const narrow = 60;
const listColumns = 22;

type Style = 'bar' | 'dim' | 'bold' | 'mine' | 'note' | 'alert';

const codes: Readonly<Record<Style, string>> = {
  bar: '7',
  dim: '2',
  bold: '1',
  mine: '36',
  note: '2;3',
  alert: '33',
};

/** Draws everything: `columns` × `rows`, at least 20 × 6. Pure: the same view gives the same screen. */
export function screen(view: View, columns: number, rows: number): Screen {
  const paint: Paint = view.colour ? (text, style) => `\u001b[${codes[style]}m${text}\u001b[0m` : (text) => text;
  const input = drawInput(view.editor, columns, Math.max(1, Math.min(5, rows - 5)));
  const bodyRows = rows - 2 - input.rows.length;
  const body = drawBody(view, columns, bodyRows, paint);
  return {
    rows: [
      paint(drawBar(view, columns), 'bar'),
      ...body.rows,
      paint(fit(view.notice, columns), 'alert'),
      ...input.rows,
    ],
    cursor: { row: rows - input.rows.length + input.cursor.row, column: input.cursor.column },
    pageRows: body.pageRows,
    maxScroll: body.maxScroll,
  };
}

type Paint = (text: string, style: Style) => string;

interface Body {
  readonly rows: string[];
  readonly pageRows: number;
  readonly maxScroll: number;
}

function drawBar(view: View, columns: number): string {
  const right = `${view.connection.mark} ${view.connection.text} `;
  const left = ` Parley · ${view.me}`;
  const room = columns - widthOf(right);
  return room < 8 ? fit(right, columns) : fit(left, room) + right;
}

function drawBody(view: View, columns: number, rows: number, paint: Paint): Body {
  const { open, overlay } = view;
  const isNarrow = columns < narrow;
  if (isNarrow && open === undefined && overlay === undefined) {
    return { rows: drawList(view.threads, columns, rows, paint), pageRows: rows, maxScroll: 0 };
  }
  const width = isNarrow ? columns : columns - listColumns - 1;
  let main: Body;
  if (overlay !== undefined) main = drawOverlay(overlay, width, rows, view.scroll);
  else if (open === undefined) main = drawNothing(width, rows, paint);
  else main = drawThread(open, view.scroll, width, rows, paint);
  if (isNarrow) return main;
  const list = drawList(view.threads, listColumns, rows, paint);
  return { ...main, rows: main.rows.map((row, index) => `${list[index] ?? ''}│${row}`) };
}

function drawList(threads: readonly ThreadLine[], columns: number, rows: number, paint: Paint): string[] {
  const open = threads.findIndex((thread) => thread.isOpen);
  // The open thread stays in sight.
  const first = Math.max(0, Math.min(open - rows + 2, threads.length - rows));
  return Array.from({ length: rows }, (_, row) => {
    const thread = threads[first + row];
    if (thread === undefined) return fit(first + row === 0 ? ' no threads yet' : '', columns);
    const unread = thread.unread > 0 ? ` ${thread.unread > 999 ? '999+' : thread.unread} ` : ' ';
    const mark = thread.isMuted ? '-' : thread.mark;
    const left = `${String(first + row + 1).padStart(2)} ${mark === '' ? ' ' : mark} ${thread.name}`;
    const line = fit(left, columns - unread.length) + unread;
    if (thread.isOpen) return paint(line, 'bar');
    return thread.unread > 0 ? paint(line, 'bold') : line;
  });
}

function drawNothing(columns: number, rows: number, paint: Paint): Body {
  const words = [
    '',
    ' /open USER begins a direct thread.',
    ' /group NAME A B C makes a group.',
    ' /help has the rest.',
  ];
  const lines = Array.from({ length: rows }, (_, row) => paint(fit(words[row] ?? '', columns), 'dim'));
  return { rows: lines, pageRows: rows, maxScroll: 0 };
}

function drawOverlay(lines: readonly string[], columns: number, rows: number, scroll: number): Body {
  const wrapped = lines.flatMap((line) => wrap(printable(line), columns - 1));
  const maxScroll = Math.max(0, wrapped.length - rows);
  const from = maxScroll - Math.min(scroll, maxScroll);
  const shown = Array.from({ length: rows }, (_, row) => fit(` ${wrapped[from + row] ?? ''}`, columns));
  return { rows: shown, pageRows: rows, maxScroll };
}

function drawThread(open: OpenThread, scroll: number, columns: number, rows: number, paint: Paint): Body {
  const subtitle = open.subtitle === '' ? '' : ` · ${open.subtitle}`;
  const title = paint(fit(` ${open.title}${subtitle}`, columns), 'bold');
  const typing =
    open.typing.length === 0
      ? []
      : [paint(fit(` ${open.typing.join(', ')} ${open.typing.length === 1 ? 'is' : 'are'} typing…`, columns), 'note')];
  const pageRows = rows - 1 - typing.length;
  const top = open.hasBeginning ? [paint(fit(' — the beginning —', columns), 'note')] : [];
  const all = [...top, ...open.lines.flatMap((line) => drawLine(line, columns, paint))];
  const maxScroll = Math.max(0, all.length - pageRows);
  const last = all.length - Math.min(scroll, maxScroll);
  const shown = all.slice(Math.max(0, last - pageRows), last);
  const blank = Array.from({ length: pageRows - shown.length }, () => ' '.repeat(columns));
  return { rows: [title, ...blank, ...shown, ...typing], pageRows, maxScroll };
}

function drawLine(line: ChatLine, columns: number, paint: Paint): string[] {
  switch (line.kind) {
    case 'note':
      return wrap(printable(line.text), columns - 2).map((row) => paint(fit(`  ${row}`, columns), 'note'));
    case 'unread':
      return [paint(fit(` ── ${line.count} new ──`, columns), 'alert')];
    case 'message': {
      const name = line.name.length > columns / 3 ? fit(line.name, Math.floor(columns / 3)).trimEnd() : line.name;
      const head = ` ${line.time} ${line.number}${line.number === '' ? '' : ' '}${printable(name)}: `;
      const indent = 7;
      const quote = line.quote === '' ? [] : [paint(fit(`${' '.repeat(indent)}↪ ${line.quote}`, columns), 'dim')];
      // The marks stand after the text, on a row of their own when there is no room.
      const tail = [line.extras, line.ticks].filter((part) => part !== '').join('  ');
      const text = printable(line.text) + (tail === '' ? '' : `  ${tail.replaceAll(' ', '\u00a0')}`);
      const [first = '', ...rest] = wrapHanging(text, columns, widthOf(head), indent);
      const style: Style | undefined = line.isMine ? 'mine' : undefined;
      const drawn = [head + first, ...rest.map((row) => ' '.repeat(indent) + row)].map((row) => {
        const fitted = fit(row.replaceAll('\u00a0', ' '), columns);
        return style === undefined ? fitted : paint(fitted, style);
      });
      return [...quote, ...drawn];
    }
  }
}

/** Breaks a text whose first line begins later than the others. */
function wrapHanging(text: string, columns: number, headColumns: number, indent: number): string[] {
  const pad = Math.max(0, headColumns - indent);
  // Stands for the head, and may be broken after, as a word.
  const head = pad === 0 ? '' : `${'x'.repeat(pad - 1)} `;
  const [first = '', ...rest] = wrap(head + text, columns - indent);
  return [first.slice(pad), ...rest];
}
