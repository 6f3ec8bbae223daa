import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { emptyEditor } from './editor.ts';
import { screen } from './screen.ts';
import { widthOf } from './text.ts';
import type { ChatLine, View } from './view.ts';

type Line = Extract<ChatLine, { kind: 'message' }>;

function line(number: number, text: string, more: Partial<Line> = {}): Line {
  const common = {
    kind: 'message',
    time: '09:41',
    name: 'bob',
    isMine: false,
    quote: '',
    extras: '',
    ticks: '',
  } as const;
  return { ...common, at: BigInt(number), number: `#${number}`, text, ...more };
}

function view(lines: readonly ChatLine[], more: Partial<View> = {}): View {
  return {
    me: 'alice',
    connection: { mark: '●', text: 'live' },
    threads: [
      { name: 'bob', mark: '●', unread: 0, isOpen: true, isMuted: false },
      { name: '茶会', mark: '#', unread: 12, isOpen: false, isMuted: false },
    ],
    open: { title: 'bob', subtitle: 'online', lines, hasBeginning: false, typing: [] },
    scroll: 0,
    anchor: 0n,
    top: undefined,
    editor: emptyEditor,
    notice: '',
    overlay: undefined,
    colour: false,
    ...more,
  };
}

const text = (drawn: { readonly rows: readonly string[] }): string => drawn.rows.map((row) => row.trimEnd()).join('\n');

describe('the screen', () => {
  test('shows list, thread, state and line at 80×24', () => {
    const drawn = screen(
      view([line(1, 'hello'), line(2, 'hi', { name: 'you', isMine: true, ticks: '✓✓ read' })]),
      80,
      24,
    );
    expect(drawn.rows).toHaveLength(24);
    expect(drawn.rows[0]).toMatch(/^ Parley · alice +● live $/u);
    expect(drawn.rows[1]).toMatch(/^ 1 ● bob +│ bob · online/u);
    expect(drawn.rows[2]).toMatch(/^ 2 # 茶会 +12 │/u);
    expect(drawn.rows[20]).toContain('│ 09:41 #1 bob: hello');
    expect(drawn.rows[21]).toContain('│ 09:41 #2 you: hi  ✓✓ read');
    expect(drawn.rows[23]?.trimEnd()).toBe('>');
    expect(drawn.cursor).toEqual({ row: 23, column: 2 });
  });

  test('keeps columns straight next to Chinese and emoji', () => {
    const drawn = screen(
      view([line(1, '你好，世界。今天天气很好，我们去公园吧！👍👍👍 再见，明天见，后天见')]),
      80,
      24,
    );
    for (const row of drawn.rows) expect(widthOf(row)).toBe(80);
    const body = drawn.rows.slice(1, 22);
    for (const row of body) expect(widthOf(row.split('│')[0] ?? '')).toBe(22);
  });

  test('breaks a long message under its beginning', () => {
    const drawn = screen(view([line(7, 'word '.repeat(30).trim())]), 80, 24);
    const rows = drawn.rows.filter((row) => row.includes('word')).map((row) => row.split('│')[1]);
    expect(rows[0]).toMatch(/^ 09:41 #7 bob: word/u);
    expect(rows[1]).toMatch(/^ {7}word/u);
    expect(rows.join(' ').match(/word/gu)).toHaveLength(30);
  });

  test('shows the newest that fit, and pages back from there', () => {
    const lines = Array.from({ length: 200 }, (_, index) => line(index + 1, `message ${index + 1}`));
    const end = screen(view(lines), 80, 24);
    expect(text(end)).toContain('message 200');
    expect(end.maxScroll).toBe(200 - end.pageRows);
    const back = screen(view(lines, { scroll: end.maxScroll }), 80, 24);
    expect(text(back)).toContain('message 1\n');
    expect(text(back)).not.toContain('message 200');
    expect(screen(view(lines, { scroll: 1_000_000 }), 80, 24).rows).toEqual(back.rows);
  });

  test('stays where it was scrolled to when lines come below and above', () => {
    const lines = (from: number, to: number): ChatLine[] =>
      Array.from({ length: to - from + 1 }, (_, index) => line(from + index, `message ${from + index}`));
    const before = screen(view(lines(101, 200), { scroll: 30, anchor: 200n }), 80, 24);
    const after = screen(view(lines(1, 250), { scroll: 30, anchor: 200n }), 80, 24);
    expect(after.rows).toEqual(before.rows);
    expect(after.scroll).toBe(80);
    const atEnd = screen(view(lines(1, 250), { scroll: 0, anchor: 200n }), 80, 24);
    expect(text(atEnd)).toContain('message 250');
  });

  test('begins with the line that is asked for, and says with which it begins', () => {
    const lines = Array.from({ length: 200 }, (_, index) => line(index + 1, `message ${index + 1}`));
    const drawn = screen(view(lines, { top: 42n }), 80, 24);
    expect(drawn.rows[2]).toContain('message 42');
    expect(drawn.top).toBe(42n);
    expect(screen(view(lines, { scroll: drawn.scroll, anchor: 200n }), 80, 24).rows).toEqual(drawn.rows);
    expect(screen(view(lines, { top: 999n }), 80, 24).scroll).toBe(0);
  });

  test('shows one thing at a time where it is narrow', () => {
    expect(text(screen(view([line(1, 'hello')]), 40, 10))).not.toContain('│');
    expect(text(screen(view([], { open: undefined }), 40, 10))).toContain('茶会');
  });

  test('grows the line being written, and keeps the cursor in sight', () => {
    const editor = { text: '你'.repeat(100), cursor: 100 };
    const drawn = screen(view([], { editor }), 80, 24);
    expect(drawn.rows.filter((row) => row.includes('你'))).toHaveLength(3);
    expect(drawn.cursor).toEqual({ row: 23, column: 2 + (200 - 2 * 76) });
    const first = screen(view([], { editor: { ...editor, cursor: 0 } }), 80, 24);
    expect(first.cursor).toEqual({ row: 21, column: 2 });
  });

  test('shows no more than five rows of a large paste, those around the cursor', () => {
    const words = Array.from({ length: 400 }, (_, index) => `w${index}`).join(' ');
    const drawn = screen(view([], { editor: { text: words, cursor: words.length } }), 80, 24);
    expect(text(drawn)).toContain('w399');
    expect(text(drawn)).not.toContain('w10 ');
    expect(drawn.cursor.row).toBe(23);
  });

  test('shows who types, what is new, what was answered, and what somebody did', () => {
    const drawn = screen(
      view([
        { kind: 'note', at: 7n, text: 'alice added carol' },
        { kind: 'unread', count: 3 },
        line(9, 'yes', { quote: '#8 you: tea?', extras: '(edited) 👍2' }),
      ]),
      80,
      24,
    );
    expect(text(drawn)).toMatch(
      /alice added carol\n.*── 3 new ──\n.*↪ #8 you: tea\?\n.*#9 bob: yes {2}\(edited\) 👍2/u,
    );
    const open = { title: 'bob', subtitle: '', lines: [], hasBeginning: true, typing: ['bob'] };
    expect(text(screen(view([], { open }), 80, 24))).toContain('bob is typing…');
  });

  test('lets no message move the cursor', () => {
    const drawn = screen(view([line(1, 'a\u001b[2J\u001b]0;title\u0007b')]), 80, 24);
    expect(drawn.rows.join('')).not.toMatch(/[\u0000-\u001f]/u);
  });

  test('has no colours when none are wanted, and the same text when they are', () => {
    const coloured = screen(view([line(1, 'hello', { isMine: true })], { colour: true }), 80, 24);
    const bare = coloured.rows.map((row) => row.replaceAll(/\u001b\[[0-9;]*m/gu, ''));
    expect(bare).toEqual(screen(view([line(1, 'hello', { isMine: true })]), 80, 24).rows);
    expect(coloured.rows).not.toEqual(bare);
  });

  test('is as large as asked whatever is on it', () => {
    const strings = fc.string({ unit: 'grapheme', maxLength: 200 });
    const lines = fc.array(
      fc.record({ number: fc.nat(), text: strings, name: strings, ticks: fc.constantFrom('', '✓', '✓✓ read') }),
      { maxLength: 8 },
    );
    const size = fc.tuple(fc.integer({ min: 20, max: 120 }), fc.integer({ min: 6, max: 40 }));
    fc.assert(
      fc.property(lines, strings, size, fc.nat({ max: 50 }), (messages, written, [columns, rows], scroll) => {
        const editor = { text: written, cursor: written.length };
        const shown = messages.map(({ number, text: said, ...rest }) => line(number, said, rest));
        const drawn = screen(view(shown, { editor, scroll, notice: written }), columns, rows);
        expect(drawn.rows.map((row) => widthOf(row))).toEqual(Array.from({ length: rows }, () => columns));
        expect(drawn.cursor.row).toBeLessThan(rows);
        expect(drawn.cursor.column).toBeLessThan(columns);
      }),
    );
  });
});
