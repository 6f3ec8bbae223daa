// One process of the platform: started, watched, stopped, and never left behind.
//
// Children are in sessions of their own, so Ctrl-C in a terminal reaches only the launcher, which stops them in order.
// Should the launcher die without stopping them (kill -9), a guard does: a shell of a few hundred KiB per child that
// waits for the end of its standard input, which comes when the launcher's end of the pipe is gone, however it went.
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ChildOptions {
  /** For messages: "node n1", "Envoy". */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Every line of standard output. */
  readonly onLine?: (line: string) => void;
}

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Nobody asked it to end. */
  readonly isUnexpected: boolean;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Settles once, when the process is gone. Never rejects. */
  readonly ended: Promise<Ending>;
  /** Undefined while it runs. */
  readonly ending: Ending | undefined;
  /** The last lines it wrote to standard output and error. */
  tail(): readonly string[];
  /** Sends any signal, for instance SIGSTOP; an end that follows counts as unexpected. */
  signal(signal: NodeJS.Signals): void;
  /** Ends it: `signal` first, SIGKILL when it is still there after `graceMs`. */
  end(signal: NodeJS.Signals, graceMs: number): Promise<Ending>;
}

const tailLines = 40;
const guardScript = 'while read -r _; do :; done; kill -KILL "$1" 2>/dev/null';

/** Resolves when the process runs; throws when it cannot be started. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const started = spawn(options.command, options.args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const pid = await new Promise<number>((resolve, reject) => {
    started.once('error', (error) => reject(new Error(`${options.name} cannot be started: ${error.message}`)));
    started.once('spawn', () => resolve(started.pid ?? 0));
  });
  const guard = spawn('/bin/sh', ['-c', guardScript, 'parley-guard', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  guard.on('error', () => started.kill('SIGKILL'));
  guard.unref();
  return watch(started, guard, pid, options);
}

function watch(started: ChildProcess, guard: ChildProcess, pid: number, options: ChildOptions): Child {
  const lines: string[] = [];
  const keep = (line: string): void => {
    lines.push(line);
    if (lines.length > tailLines) lines.shift();
  };
  if (started.stdout)
    createInterface({ input: started.stdout }).on('line', (line) => (keep(line), options.onLine?.(line)));
  if (started.stderr) createInterface({ input: started.stderr }).on('line', keep);

  let isAsked = false;
  let ending: Ending | undefined;
  const ended = new Promise<Ending>((resolve) => {
    // 'close' comes after the last output was read, 'exit' may come before.
    started.once('close', (code, signal) => {
      guard.kill('SIGKILL');
      ending = { code, signal, isUnexpected: !isAsked };
      resolve(ending);
    });
  });
  return {
    name: options.name,
    pid,
    ended,
    get ending() {
      return ending;
    },
    tail: () => lines,
    signal: (signal) => void started.kill(signal),
    async end(signal, graceMs) {
      isAsked = true;
      started.kill(signal);
      const force = setTimeout(() => started.kill('SIGKILL'), graceMs);
      try {
        return await ended;
      } finally {
        clearTimeout(force);
      }
    },
  };
}
