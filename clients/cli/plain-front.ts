import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { Entry } from '#proto/parley/v1/entry.ts';
import type { Message } from '#proto/parley/v1/thread.ts';
import type { ConnectionState } from '../core/connection-state.ts';
import type { Draft } from '../core/draft.ts';
import { messageOf } from '../core/fold.ts';
import { act } from './actions.ts';
import { describe } from './chat.ts';
import type { Chat, ChatListener } from './chat.ts';
import { bodyOf, changeOf, connectionLine, extrasOf, ticksOf } from './chat-lines.ts';
import { titleOf } from './chat-view.ts';
import { parseCommand } from './commands.ts';
import { printable } from './text.ts';

/** Lines in, lines out: for scripts, and where there is no terminal. Commands are the same; each is done before the next. */
export class PlainFront implements ChatListener {
  readonly #chat: Chat;
  readonly #output: Writable;
  /** Older lines than this one were not shown of the open thread. */
  #shownFrom = 0n;
  #naming: Promise<void> = Promise.resolve();
  /** Last marks told, per message of the user's own. */
  readonly #ticks = new Map<string, string>();
  /** Own messages whose marks are told: thread and sequence. */
  readonly #mine: { threadId: string; sequence: bigint }[] = [];

  constructor(chat: Chat, output: Writable) {
    this.#chat = chat;
    this.#output = output;
    chat.listener = this;
    chat.client.on('connection', (state) => this.#connection(state));
  }

  /** Does line after line; resolves when the input has ended, or a line said /quit, and everything sent has its answer. */
  async run(input: Readable): Promise<void> {
    for await (const line of createInterface({ input })) {
      if (line.trim() !== '' && (await this.#line(line))) break;
    }
    while (this.#chat.client.draftCount > 0 && this.#chat.client.connection.phase !== 'closed') {
      await this.#answered();
    }
    await this.#naming;
  }

  changed(): void {
    // Nothing is drawn.
  }

  notice(text: string): void {
    this.#print(`! ${text}`);
  }

  heard(threadId: string, entry: Entry): void {
    // A thread that is new is named first; what comes meanwhile waits its turn.
    this.#naming = this.#naming.then(async () => {
      if (this.#chat.rows.get(threadId) === undefined) await this.#chat.rows.refresh(threadId);
      this.#tell(threadId, entry);
    });
  }

  #tell(threadId: string, entry: Entry): void {
    const name = (userId: string): string => this.#chat.names.of(userId);
    const where = titleOf(this.#chat, threadId);
    if (entry.kind?.$case === 'message') {
      if (entry.senderId === this.#chat.client.userId) return;
      this.#message(threadId, messageOf(entry, entry.kind.value));
      if (threadId === this.#chat.openId) this.#chat.markRead();
    } else {
      const text = changeOf(entry, name);
      if (text !== '') this.#print(`[${where}] * ${text}`);
      else this.#changed(threadId, entry, where);
    }
  }

  sent(threadId: string, draft: Draft, sequence: bigint): void {
    this.#mine.push({ threadId, sequence });
    if (this.#mine.length > 64) this.#mine.shift();
    const text = draft.content?.body?.$case === 'text' ? draft.content.body.value : '';
    this.#print(`[${titleOf(this.#chat, threadId)}] #${sequence} ✓ ${text}`);
  }

  receipts(threadId: string): void {
    for (const mine of this.#mine) {
      if (mine.threadId !== threadId) continue;
      const marks = ticksOf(this.#chat.client.ticks(threadId, mine.sequence));
      const key = `${threadId} ${mine.sequence}`;
      if (marks === (this.#ticks.get(key) ?? '✓')) continue;
      this.#ticks.set(key, marks);
      this.#print(`[${titleOf(this.#chat, threadId)}] #${mine.sequence} ${marks}`);
    }
  }

  /** Answers whether to stop. */
  async #line(line: string): Promise<boolean> {
    try {
      const command = parseCommand(line);
      const outcome = await act(this.#chat, command, { nowMs: Date.now(), top: this.#shownFrom });
      if (outcome.notice !== undefined) this.#print(`! ${outcome.notice}`);
      for (const each of outcome.overlay ?? []) this.#print(`  ${each}`);
      for (const message of outcome.older ?? []) this.#message(this.#chat.openId ?? '', message);
      if (outcome.older?.[0] !== undefined) this.#shownFrom = outcome.older[0].sequence;
      await outcome.sending;
      if (command.name === 'open' || command.name === 'join' || command.name === 'group') this.#opened();
      return outcome.quit === true;
    } catch (error) {
      this.notice(describe(error));
      return false;
    }
  }

  #opened(): void {
    const threadId = this.#chat.openId;
    if (threadId === undefined) return;
    const items = this.#chat.client.items(threadId);
    this.#shownFrom = this.#chat.newest() + 1n;
    this.#print(`= ${titleOf(this.#chat, threadId)}, ${items.length} lines`);
  }

  #message(threadId: string, message: Message): void {
    const { senderId, sequence } = message;
    const name = senderId === this.#chat.client.userId ? 'you' : this.#chat.names.of(senderId);
    const extras = extrasOf(message);
    const tail = extras === '' ? '' : `  ${extras}`;
    this.#print(`[${titleOf(this.#chat, threadId)}] #${sequence} ${name}: ${bodyOf(message)}${tail}`);
  }

  #changed(threadId: string, entry: Entry, where: string): void {
    const { kind } = entry;
    if (kind === undefined || !('targetSequence' in kind.value)) return;
    const message = this.#chat.client.message(threadId, kind.value.targetSequence);
    if (message === undefined) return;
    const extras = extrasOf(message);
    this.#print(`[${where}] #${message.sequence} is now: ${bodyOf(message)}${extras === '' ? '' : `  ${extras}`}`);
  }

  #connection(state: ConnectionState): void {
    const { mark, text } = connectionLine(state, 0, this.#chat.target);
    this.#print(`${mark} ${text}`);
  }

  #answered(): Promise<void> {
    return new Promise((resolve) => {
      const { client } = this.#chat;
      const offs = (['sent', 'sendFailed', 'connection'] as const).map((name) =>
        client.on(name, () => {
          for (const off of offs) off();
          resolve();
        }),
      );
    });
  }

  #print(text: string): void {
    // One line each, so that a script can read it.
    this.#output.write(`${printable(text).replaceAll('\n', '⏎')}\n`);
  }
}
