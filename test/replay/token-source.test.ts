import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { expect, onTestFinished, test } from 'vitest';
import { openDevKey } from '../../server/auth/dev-key.ts';
import { systemClock } from '../../server/core/clock.ts';
import { UsageError } from './args.ts';
import { tokensForTarget } from './token-source.ts';

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'parley-replay-'));
  onTestFinished(() => rm(made, { recursive: true }));
  return made;
}

test('the dev key of a data folder signs for any nick', async () => {
  const data = await folder();
  await openDevKey(join(data, 'auth'), systemClock);
  const tokens = await tokensForTarget(undefined, data);
  expect(decodeJwt(await tokens('irc:|trey|[]')).sub).toBe('irc:|trey|[]');
});

test('a command prints the token of the user that is its last argument, whatever the nick holds', async () => {
  const tokens = await tokensForTarget('printf "%s\\n" token-of', '/nowhere');
  expect(await tokens('a`touch x`"$HOME" \\')).toBe('token-of\na`touch x`"$HOME" \\');
});

test('a command that fails or prints nothing fails in words', async () => {
  await expect((await tokensForTarget('exit 3 #', '/nowhere'))('a')).rejects.toThrow(/exit 3/);
  await expect((await tokensForTarget('true', '/nowhere'))('a')).rejects.toThrow(/printed nothing for a/);
});

test('without command and key it says what is needed', async () => {
  const data = await folder();
  await expect(tokensForTarget(undefined, data)).rejects.toThrow(UsageError);
  await expect(tokensForTarget(undefined, data)).rejects.toThrow(/PARLEY_TOKEN_COMMAND/);
});
