// A program that takes the terminal and then fails, for the test that the terminal comes back.
import { Terminal } from '../../clients/cli/terminal.ts';

const terminal = new Terminal(process.stdin, process.stdout, { keys: () => undefined, resized: () => undefined });
terminal.show(['taken'.padEnd(terminal.columns)], { row: 0, column: 0 });
process.stdin.once('data', () => {
  throw new Error('a bug');
});
