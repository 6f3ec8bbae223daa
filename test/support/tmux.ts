// A terminal that a test reads: a program in tmux, its screen as text, keys and pastes as a person gives them.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { vi } from 'vitest';

const run = promisify(execFile);
/** What is looked for on a screen must come within this time: the machine may be busy. */
const withinMs = 20_000;

export class Tmux implements AsyncDisposable {
  // A server of its own: it has no configuration, and dies with the test.
  readonly #socket = `parley-${randomBytes(6).toString('hex')}`;

  /** Starts a shell command in a new terminal. */
  static async start(command: string, columns = 80, rows = 24): Promise<Tmux> {
    const tmux = new Tmux();
    await tmux.#tmux('new-session', '-d', '-s', 'main', '-x', String(columns), '-y', String(rows), command);
    return tmux;
  }

  /** Rows of the screen, without the spaces at their ends. */
  async rows(): Promise<string[]> {
    const text = await this.#tmux('capture-pane', '-p', '-t', 'main');
    return text.split('\n').slice(0, -1);
  }

  /** The screen as text. */
  async text(): Promise<string> {
    return (await this.rows()).join('\n');
  }

  /** Waits until the screen is as wanted, and answers it; fails with the screen as it is. */
  async see(wanted: RegExp, not?: RegExp): Promise<string> {
    return vi.waitFor(
      async () => {
        const text = await this.text();
        if (!wanted.test(text)) throw new Error(`there is no ${wanted} on the screen:\n${text}`);
        if (not?.test(text) === true) throw new Error(`there is ${not} on the screen:\n${text}`);
        return text;
      },
      { timeout: withinMs, interval: 50 },
    );
  }

  /** Types text. */
  async type(text: string): Promise<void> {
    await this.#tmux('send-keys', '-t', 'main', '-l', text);
  }

  /** Presses keys by their tmux names: Enter, Tab, PageUp, C-c. */
  async press(...keys: string[]): Promise<void> {
    await this.#tmux('send-keys', '-t', 'main', ...keys);
  }

  /** A line and Enter. */
  async enter(line: string): Promise<void> {
    await this.type(line);
    await this.press('Enter');
  }

  /** Pastes as a terminal does that marks its pastes. */
  async paste(text: string): Promise<void> {
    await this.#tmux('set-buffer', '--', text);
    await this.#tmux('paste-buffer', '-p', '-t', 'main');
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux('resize-window', '-t', 'main', '-x', String(columns), '-y', String(rows));
  }

  /** A tmux variable of the terminal, such as `alternate_on`. */
  async variable(name: string): Promise<string> {
    return (await this.#tmux('display-message', '-p', '-t', 'main', `#{${name}}`)).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tmux('kill-server').catch(() => undefined);
  }

  async #tmux(...args: string[]): Promise<string> {
    const { stdout } = await run('tmux', ['-f', '/dev/null', '-u', '-L', this.#socket, ...args], {
      env: { ...process.env, LC_ALL: 'C.UTF-8', TERM: 'xterm-256color' },
    });
    return stdout;
  }
}
