// `npm start` as a person has it: through npm, in a terminal, ended by Ctrl-C, which the terminal sends to every process
// there at once and npm sends on once more.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../../platform/ports.ts';

const root = path.join(import.meta.dirname, '../..');

class Terminal implements Disposable {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'parley-terminal-'));

  #tmux(...args: string[]): string {
    return execFileSync('tmux', ['-S', path.join(this.#folder, 'socket'), ...args], { encoding: 'utf8' });
  }

  /** Types the command into an interactive shell, which survives the Ctrl-C that ends the command. */
  run(command: string): void {
    this.#tmux('-f', '/dev/null', 'new-session', '-d', '-x', '120', '-y', '40', '-c', root, 'bash --norc --noprofile');
    this.press(command, 'Enter');
  }

  press(...keys: string[]): void {
    this.#tmux('send-keys', ...keys);
  }

  get screen(): string {
    return this.#tmux('capture-pane', '-p');
  }

  [Symbol.dispose](): void {
    this.#tmux('kill-server');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

test('npm start in a terminal ends on one Ctrl-C, with a drain and exit code 0', async () => {
  using terminal = new Terminal();
  const folder = mkdtempSync(path.join(tmpdir(), 'parley-npm-start-'));
  try {
    terminal.run(`npm start -- --port ${await freePort()} --data ${folder}`);
    await expect.poll(() => terminal.screen, { timeout: 30_000, interval: 100 }).toContain('Parley listens on');
    terminal.press('C-c');
    await expect.poll(() => terminal.screen, { timeout: 20_000, interval: 100 }).toContain('parley: stopped');
    // The shell asks it only when npm has ended, too.
    terminal.press('echo exit code $?', 'Enter');
    await expect.poll(() => terminal.screen, { timeout: 20_000, interval: 100 }).toMatch(/^exit code/m);
    expect(terminal.screen).toMatch(/^exit code 0$/m);
    expect(terminal.screen).not.toContain('forced');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
