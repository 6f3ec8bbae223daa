import type { ReadStream, WriteStream } from 'node:tty';
import { act } from './actions.ts';
import { describe } from './chat.ts';
import type { Chat, ChatListener } from './chat.ts';
import { viewOf } from './chat-view.ts';
import { parseCommand } from './commands.ts';
import {
  emptyEditor,
  end,
  eraseAfter,
  eraseBefore,
  eraseToEnd,
  eraseToHome,
  eraseWord,
  home,
  insert,
  left,
  right,
} from './editor.ts';
import type { Editor } from './editor.ts';
import type { Key, KeyName } from './keys.ts';
import { screen } from './screen.ts';
import type { Screen } from './screen.ts';
import { Terminal } from './terminal.ts';

/** The screen is drawn no oftener than this. */
const drawMs = 33;
/** Times and countdowns are drawn anew this often. */
const tickMs = 1000;

const edits: Readonly<Partial<Record<KeyName, (editor: Editor) => Editor>>> = {
  left,
  right,
  home,
  end,
  backspace: eraseBefore,
  delete: eraseAfter,
  'erase-word': eraseWord,
  'erase-before': eraseToHome,
  'erase-after': eraseToEnd,
  newline: (editor) => insert(editor, '\n'),
};

/** The screen front end: keys in, the chat's state out. */
export class TtyFront implements ChatListener {
  readonly #chat: Chat;
  readonly #me: string;
  readonly #colour: boolean;
  readonly #terminal: Terminal;
  readonly #done: () => void;
  #editor: Editor = emptyEditor;
  #scroll = 0;
  #notice = '/help lists what there is';
  #overlay: readonly string[] | undefined;
  #drawn: Screen | undefined;
  #draw: NodeJS.Timeout | undefined;
  /** The newest line when `#scroll` was set. */
  #anchor = 0n;
  /** The line to begin with, for the next drawing only. */
  #top: bigint | undefined;
  /** Commands under way that open another thread. */
  #opening = 0;
  readonly #tick: NodeJS.Timeout;

  /** `done`: called once, when the user wants to leave. */
  constructor(chat: Chat, me: string, colour: boolean, input: ReadStream, output: WriteStream, done: () => void) {
    this.#chat = chat;
    this.#me = me;
    this.#colour = colour;
    this.#done = done;
    chat.listener = this;
    this.#terminal = new Terminal(input, output, {
      keys: (keys) => this.#keys(keys),
      resized: () => this.changed(),
    });
    this.#tick = setInterval(() => this.changed(), tickMs);
    this.changed();
  }

  /** Something may look different now. */
  changed(): void {
    this.#draw ??= setTimeout(() => {
      this.#draw = undefined;
      this.#show();
    }, drawMs);
  }

  notice(text: string): void {
    this.#notice = text;
    this.changed();
  }

  close(): void {
    clearInterval(this.#tick);
    clearTimeout(this.#draw);
    this.#draw = undefined;
    this.#terminal.restore();
  }

  #show(): void {
    // Who sees the end of a thread has read it.
    if (this.#scroll === 0 && this.#overlay === undefined) this.#chat.markRead();
    const front = {
      editor: this.#editor,
      scroll: this.#scroll,
      anchor: this.#anchor,
      top: this.#top,
      notice: this.#notice === '' && this.#opening > 0 ? 'opening …' : this.#notice,
      overlay: this.#overlay,
      colour: this.#colour,
    };
    const view = viewOf(this.#chat, front, this.#me, Date.now());
    const drawn = screen(view, this.#terminal.columns, this.#terminal.rows);
    this.#drawn = drawn;
    if (this.#top !== undefined) {
      this.#top = undefined;
      this.#scrollTo(drawn.scroll);
    }
    this.#terminal.show(drawn.rows, drawn.cursor);
  }

  #keys(keys: readonly Key[]): void {
    for (const key of keys) {
      if (key.kind === 'key') this.#key(key.name);
      else this.#edit(insert(this.#editor, key.text));
    }
    this.changed();
  }

  #edit(editor: Editor): void {
    const had = this.#editor.text;
    this.#editor = editor;
    const { openId } = this.#chat;
    if (openId === undefined || editor.text === had || editor.text.startsWith('/')) return;
    this.#chat.client.typing(openId, editor.text !== '');
  }

  #key(name: KeyName): void {
    const edit = edits[name];
    if (edit !== undefined) {
      this.#edit(edit(this.#editor));
      return;
    }
    switch (name) {
      case 'enter':
        this.#enter();
        return;
      case 'escape':
        this.#overlay = undefined;
        this.#scroll = 0;
        return;
      case 'tab':
      case 'back-tab':
        this.#step(name === 'tab' ? 1 : -1);
        return;
      case 'up':
        this.#scrollBy(1);
        return;
      case 'down':
        this.#scrollBy(-1);
        return;
      case 'page-up':
        this.#scrollBy(this.#page());
        return;
      case 'page-down':
        this.#scrollBy(-this.#page());
        return;
      case 'redraw':
        this.#terminal.forget();
        return;
      case 'quit':
        if (this.#editor.text === '') this.#done();
        else this.#editor = emptyEditor;
        return;
      default:
    }
  }

  #page(): number {
    return Math.max(1, (this.#drawn?.pageRows ?? 10) - 2);
  }

  #scrollBy(rows: number): void {
    const most = this.#drawn?.maxScroll ?? 0;
    const wanted = (this.#drawn?.scroll ?? 0) + rows;
    this.#scrollTo(Math.max(0, Math.min(most, wanted)));
    // At once: the next key goes on from there.
    this.#show();
    if (wanted <= most || this.#overlay !== undefined || this.#chat.open?.hasBeginning !== false) return;
    void this.#try(async () => {
      const older = await this.#chat.back(this.#drawn?.top ?? 0n, 50);
      if (older.length > 0) this.#scrollTo(wanted);
    });
  }

  /** So far that a line is the first one. */
  #scrollFrom(top: bigint): void {
    this.#top = top;
    this.#show();
  }

  /** Rows from the end as it is now; more than there are = the beginning. */
  #scrollTo(rows: number): void {
    this.#scroll = rows;
    this.#anchor = this.#chat.newest();
  }

  /** The next thread of the list. */
  #step(by: number): void {
    const rows = this.#chat.rows.list();
    if (rows.length === 0) return;
    const at = rows.findIndex((row) => row.thread.threadId === this.#chat.openId);
    const next = rows[(at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by + rows.length) % rows.length];
    if (next === undefined) return;
    this.#scroll = 0;
    this.#overlay = undefined;
    void this.#try(() => this.#chat.openThread(next.thread.threadId));
  }

  #enter(): void {
    const line = this.#editor.text;
    this.#overlay = undefined;
    // Who presses Enter does not want to wait for the next try.
    if (this.#chat.client.connection.phase === 'waiting') this.#chat.client.setForeground(true);
    if (line.trim() === '') return;
    const command = parseCommand(line);
    if (this.#opening > 0 && command.name !== 'quit') {
      // It would go to the thread that is being left.
      this.#notice = 'another thread is being opened: press Enter again when it is there';
      return;
    }
    this.#editor = emptyEditor;
    this.#notice = '';
    const opens = command.name === 'open' || command.name === 'join' || command.name === 'group';
    if (opens) this.#opening += 1;
    void this.#try(async () => {
      const outcome = await act(this.#chat, command, { nowMs: Date.now(), top: this.#drawn?.top ?? 0n }).finally(() => {
        if (opens) this.#opening -= 1;
      });
      if (outcome.notice !== undefined) this.#notice = outcome.notice;
      if (outcome.overlay !== undefined) {
        this.#overlay = outcome.overlay;
        this.#scroll = Number.MAX_SAFE_INTEGER;
      }
      if (outcome.scroll === 'end') this.#scroll = 0;
      if (outcome.older?.[0] !== undefined) this.#scrollFrom(outcome.older[0].sequence);
      if (outcome.quit === true) this.#done();
    });
  }

  async #try(what: () => Promise<void>): Promise<void> {
    try {
      await what();
    } catch (error) {
      this.#notice = describe(error);
    }
    this.changed();
  }
}
