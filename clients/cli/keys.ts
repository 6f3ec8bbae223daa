import { StringDecoder } from 'node:string_decoder';

/** What was pressed. A paste comes whole, as one. */
export type Key =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'paste'; readonly text: string }
  | { readonly kind: 'key'; readonly name: KeyName };

export type KeyName =
  | 'enter'
  | 'newline'
  | 'tab'
  | 'back-tab'
  | 'escape'
  | 'backspace'
  | 'delete'
  | 'up'
  | 'down'
  | 'left'
  | 'right'
  | 'home'
  | 'end'
  | 'page-up'
  | 'page-down'
  | 'erase-word'
  | 'erase-before'
  | 'erase-after'
  | 'redraw'
  | 'quit';

const controls: Readonly<Record<string, KeyName>> = {
  '\r': 'enter',
  '\n': 'enter',
  '\t': 'tab',
  '\u007f': 'backspace',
  '\b': 'backspace',
  '\u0001': 'home',
  '\u0003': 'quit',
  '\u0004': 'quit',
  '\u0005': 'end',
  '\u000b': 'erase-after',
  '\u000c': 'redraw',
  '\u0015': 'erase-before',
  '\u0017': 'erase-word',
};

const sequences: Readonly<Record<string, KeyName>> = {
  '[A': 'up',
  OA: 'up',
  '[B': 'down',
  OB: 'down',
  '[C': 'right',
  OC: 'right',
  '[D': 'left',
  OD: 'left',
  '[H': 'home',
  OH: 'home',
  '[1~': 'home',
  '[7~': 'home',
  '[F': 'end',
  OF: 'end',
  '[4~': 'end',
  '[8~': 'end',
  '[3~': 'delete',
  '[5~': 'page-up',
  '[6~': 'page-down',
  '[Z': 'back-tab',
  // Alt and enter: a new line in the same message.
  '\r': 'newline',
};

const pasteBegins = '\u001b[200~';
const pasteEnds = '\u001b[201~';
// A whole escape sequence: ESC [ parameters letter, ESC O letter, or ESC and a carriage return.
const sequence = /^\u001b(\[[0-9;]*[A-Za-z~]|O[A-Za-z]|\r)/u;
/** The beginning of one, so far. */
const unfinished = /^\u001b(\[[0-9;]*|O)?$/u;
const plain = /^[^\u0000-\u001f\u007f]+/u;

/** Turns what a terminal sends into keys. Bytes may come cut anywhere. */
export class KeyReader {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  /** Keys that are whole with these bytes. */
  read(bytes: Uint8Array): Key[] {
    this.#rest += this.#decoder.write(Buffer.from(bytes));
    const keys: Key[] = [];
    for (let key = this.#next(); key !== undefined; key = this.#next()) if (key !== 'nothing') keys.push(key);
    return keys;
  }

  /** To be asked when nothing came for a moment: a lone ESC is the escape key then, not the beginning of a sequence. */
  flush(): Key[] {
    if (this.#rest !== '\u001b') return [];
    this.#rest = '';
    return [{ kind: 'key', name: 'escape' }];
  }

  /** Whether the beginning of something waits for its end. */
  get isWaiting(): boolean {
    return this.#rest !== '';
  }

  #next(): Key | 'nothing' | undefined {
    const rest = this.#rest;
    if (rest === '') return undefined;
    if (rest.startsWith(pasteBegins)) {
      const end = rest.indexOf(pasteEnds);
      if (end < 0) return undefined;
      this.#rest = rest.slice(end + pasteEnds.length);
      // Terminals send a carriage return for each line of a paste.
      const text = rest.slice(pasteBegins.length, end).replaceAll('\r\n', '\n').replaceAll('\r', '\n');
      return { kind: 'paste', text };
    }
    if (rest.startsWith('\u001b')) {
      const match = sequence.exec(rest);
      if (match === null) {
        if (unfinished.test(rest)) return undefined;
        // The escape key, and what was typed right after it.
        this.#rest = rest.slice(1);
        return { kind: 'key', name: 'escape' };
      }
      this.#rest = rest.slice(match[0].length);
      // With Shift, Alt or Ctrl held, the key counts as without.
      const name = sequences[(match[1] ?? '').replace(/^\[1;\d+(?=[A-Z])/u, '[')];
      return name === undefined ? 'nothing' : { kind: 'key', name };
    }
    const text = plain.exec(rest)?.[0];
    if (text !== undefined) {
      this.#rest = rest.slice(text.length);
      return { kind: 'text', text };
    }
    this.#rest = rest.slice(1);
    const name = controls[rest.charAt(0)];
    return name === undefined ? 'nothing' : { kind: 'key', name };
  }
}
