/** Where the tokens of a replay's users come from. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openDevKey } from '../../server/auth/dev-key.ts';
import { systemClock } from '../../server/core/clock.ts';
import { UsageError } from './args.ts';

export type TokenSource = (user: string) => Promise<string>;

/**
 * Tokens for a platform that runs already. `command` is a shell command that prints a token of the user id given as its
 * last argument; without one, tokens are signed with the dev key that `npm start` keeps in `dataDir`.
 * Throws UsageError when there is neither.
 */
export async function tokensForTarget(command: string | undefined, dataDir: string): Promise<TokenSource> {
  if (command !== undefined && command.trim() !== '') return (user) => commandToken(command, user);
  const folder = join(dataDir, 'auth');
  if (!existsSync(folder)) {
    throw new UsageError(
      `--target needs tokens: set PARLEY_TOKEN_COMMAND to a command that prints one for a user id, or run where ` +
        `npm start keeps its dev key (there is none in ${folder})`,
    );
  }
  const key = await openDevKey(folder, systemClock);
  return (user) => key.sign(user);
}

async function commandToken(command: string, user: string): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['-c', `${command} "$1"`, 'sh', user], { timeout: 30_000 });
  const token = stdout.trim();
  if (token === '') throw new Error(`PARLEY_TOKEN_COMMAND printed nothing for ${user}`);
  return token;
}
