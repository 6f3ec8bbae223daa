import { drawInput } from './screen-input.ts';
import { fit, printable, widthOf, wrap } from './text.ts';
import type { ChatLine, OpenThread, ThreadLine, View } from './view.ts';

export interface Screen {
  /** One string for each row, exactly as wide as the screen (and styled, with colour). */
  readonly rows: readonly string[];
  readonly cursor: { readonly row: number; readonly column: number };
  /** Rows that a page holds, how far it is scrolled really, and how far it can be. */
  readonly pageRows: number;
  readonly scroll: number;
  readonly maxScroll: number;
  /** Sequence of the first line that is seen whole; 0 = none. */
  readonly top: bigint;
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
    scroll: body.scroll,
    top: body.top ?? 0n,
    maxScroll: body.maxScroll,
  };
}

type Paint = (text: string, style: Style) => string;

interface Body {
  readonly rows: string[];
  readonly pageRows: number;
  readonly scroll: number;
  readonly maxScroll: number;
  readonly top?: bigint;
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
    return { rows: drawList(view.threads, columns, rows, paint), pageRows: rows, scroll: 0, maxScroll: 0 };
  }
  const width = isNarrow ? columns : columns - listColumns - 1;
  let main: Body;
  if (overlay !== undefined) main = drawOverlay(overlay, width, rows, view.scroll);
  else if (open === undefined) main = drawNothing(width, rows, paint);
  else main = drawThread(open, view, width, rows, paint);
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
  return { rows: lines, pageRows: rows, scroll: 0, maxScroll: 0 };
}

function drawOverlay(lines: readonly string[], columns: number, rows: number, scroll: number): Body {
  const wrapped = lines.flatMap((line) => wrap(printable(line), columns - 1));
  const maxScroll = Math.max(0, wrapped.length - rows);
  const scrolled = Math.min(scroll, maxScroll);
  const from = maxScroll - scrolled;
  const shown = Array.from({ length: rows }, (_, row) => fit(` ${wrapped[from + row] ?? ''}`, columns));
  return { rows: shown, pageRows: rows, scroll: scrolled, maxScroll };
}

function drawThread(open: OpenThread, view: View, columns: number, rows: number, paint: Paint): Body {
  const subtitle = open.subtitle === '' ? '' : ` · ${open.subtitle}`;
  const title = paint(fit(` ${open.title}${subtitle}`, columns), 'bold');
  const typing =
    open.typing.length === 0
      ? []
      : [paint(fit(` ${open.typing.join(', ')} ${open.typing.length === 1 ? 'is' : 'are'} typing…`, columns), 'note')];
  const pageRows = rows - 1 - typing.length;
  const top = open.hasBeginning ? [paint(fit(' — the beginning —', columns), 'note')] : [];
  const drawn = open.lines.map((line) => drawLine(line, columns, paint));
  const all = [...top, ...drawn.flat()];
  const maxScroll = Math.max(0, all.length - pageRows);
  let wanted = view.top === undefined ? view.scroll : rowsBelow(open.lines, drawn, view.top, pageRows);
  if (wanted > 0 && view.top === undefined) {
    const anchor = open.lines.findLastIndex((line) => line.kind !== 'unread' && line.at > 0n && line.at <= view.anchor);
    for (const rowsOfLine of drawn.slice(anchor + 1)) wanted += anchor < 0 ? 0 : rowsOfLine.length;
  }
  const scroll = Math.min(wanted, maxScroll);
  const last = all.length - scroll;
  const shown = all.slice(Math.max(0, last - pageRows), last);
  const blank = Array.from({ length: pageRows - shown.length }, () => ' '.repeat(columns));
  return {
    rows: [title, ...blank, ...shown, ...typing],
    pageRows,
    scroll,
    maxScroll,
    top: topLine(open.lines, drawn, last - pageRows - top.length),
  };
}

/** Rows below the page that begins with a line. */
function rowsBelow(lines: readonly ChatLine[], drawn: readonly string[][], top: bigint, pageRows: number): number {
  const first = lines.findIndex((line) => line.kind !== 'unread' && line.at >= top);
  const rows = first < 0 ? 0 : drawn.slice(first).flat().length;
  return Math.max(0, rows - pageRows);
}

/** The first line of the thread that begins at a row or after it. */
function topLine(lines: readonly ChatLine[], drawn: readonly string[][], row: number): bigint {
  let at = 0;
  for (const [index, line] of lines.entries()) {
    if (at >= row && line.kind !== 'unread' && line.at > 0n) return line.at;
    at += drawn[index]?.length ?? 0;
  }
  return 0n;
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
