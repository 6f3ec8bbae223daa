// chat.py as a child process: commands go in, and what it said so far can be waited for.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { PythonStubs } from '../../interop/python-stubs.ts';

/** A line of chat.py; which fields it has says what happened. */
export type Said = {
  welcome?: string;
  resumed?: boolean;
  opened?: string;
  sent?: number;
  duplicate?: boolean;
  refused?: string;
  thread?: string;
  sequence?: number;
  sender?: string;
  text?: string;
};

export type ChatProcess = Disposable & {
  /** Everything it said, in order. */
  readonly said: readonly Said[];
  command(...words: string[]): void;
  /** The `nth` line (from 1) that fits, once it was said. Rejects with what it wrote to stderr when it ends before. */
  hears(fits: (line: Said) => boolean, nth?: number): Promise<Said>;
};

export function startChat(stubs: PythonStubs, target: string, token: string, device: string): ChatProcess {
  const script = path.join(import.meta.dirname, 'chat.py');
  const env = { ...process.env, PYTHONPATH: stubs.folder };
  const child = spawn(stubs.python, [script, target, token, device], { stdio: ['pipe', 'pipe', 'pipe'], env });
  const said: Said[] = [];
  const waiters = new Set<() => void>();
  let errors = '';
  let ended = false;
  const wake = (): void => {
    for (const waiter of waiters) waiter();
  };
  createInterface(child.stdout).on('line', (line) => {
    said.push(JSON.parse(line) as Said);
    wake();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  child.on('close', () => {
    ended = true;
    wake();
  });
  return {
    said,
    command: (...words) => void child.stdin.write(`${words.join(' ')}\n`),
    hears: (fits, nth = 1) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = said.filter(fits)[nth - 1];
          if (found === undefined && !ended) return;
          waiters.delete(look);
          if (found === undefined) reject(new Error(`chat.py ended: ${errors}`));
          else resolve(found);
        };
        waiters.add(look);
        look();
      }),
    [Symbol.dispose]: () => void child.kill('SIGKILL'),
  };
}
