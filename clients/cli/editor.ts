import { characters } from './text.ts';

/** The line being written. `cursor`: an index of `text`, always between two characters. Values, never changed in place. */
export interface Editor {
  readonly text: string;
  readonly cursor: number;
}

export const emptyEditor: Editor = { text: '', cursor: 0 };

export function insert({ text, cursor }: Editor, more: string): Editor {
  return { text: text.slice(0, cursor) + more + text.slice(cursor), cursor: cursor + more.length };
}

/** One character back. */
export function left(editor: Editor): Editor {
  return { ...editor, cursor: editor.cursor - before(editor).length };
}

export function right(editor: Editor): Editor {
  return { ...editor, cursor: editor.cursor + after(editor).length };
}

export function home(editor: Editor): Editor {
  return { ...editor, cursor: editor.text.lastIndexOf('\n', editor.cursor - 1) + 1 };
}

export function end(editor: Editor): Editor {
  const at = editor.text.indexOf('\n', editor.cursor);
  return { ...editor, cursor: at < 0 ? editor.text.length : at };
}

export function eraseBefore(editor: Editor): Editor {
  return cut(editor, editor.cursor - before(editor).length, editor.cursor);
}

export function eraseAfter(editor: Editor): Editor {
  return cut(editor, editor.cursor, editor.cursor + after(editor).length);
}

export function eraseWord(editor: Editor): Editor {
  const kept = editor.text.slice(0, editor.cursor).replace(/\S*\s*$/u, '');
  return cut(editor, kept.length, editor.cursor);
}

export function eraseToHome(editor: Editor): Editor {
  return cut(editor, home(editor).cursor, editor.cursor);
}

export function eraseToEnd(editor: Editor): Editor {
  return cut(editor, editor.cursor, end(editor).cursor);
}

function before({ text, cursor }: Editor): string {
  return characters(text.slice(0, cursor)).at(-1) ?? '';
}

function after({ text, cursor }: Editor): string {
  return characters(text.slice(cursor))[0] ?? '';
}

function cut({ text }: Editor, from: number, to: number): Editor {
  return { text: text.slice(0, from) + text.slice(to), cursor: from };
}
