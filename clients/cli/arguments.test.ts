import { describe, expect, test } from 'vitest';
import { parseArguments } from './arguments.ts';

describe('the command line', () => {
  test('has defaults for all but the user', () => {
    expect(parseArguments(['--as', 'alice'], {})).toEqual({
      as: 'alice',
      target: '127.0.0.1:8080',
      data: 'data',
      token: undefined,
      tls: false,
      ca: undefined,
      plain: false,
      colour: true,
    });
  });

  test('takes a token from the environment, and the user from the token', () => {
    const token = `h.${Buffer.from('{"sub":"bob"}').toString('base64url')}.s`;
    expect(parseArguments([], { PARLEY_TOKEN: token })).toMatchObject({ as: 'bob', token });
  });

  test('trusts a given authority over TLS, and honours NO_COLOR', () => {
    const given = parseArguments(['--as', 'a', '--ca', 'ca.pem'], { NO_COLOR: '1' });
    expect(given).toMatchObject({ tls: true, ca: 'ca.pem', colour: false });
  });

  test.each([
    [[], /who you are/u],
    [['--as', 'a', '--target', 'nowhere'], /HOST:PORT/u],
    [['--as', 'a', '--nonsense'], /nonsense/u],
  ])('refuses %j in words', (args, words) => {
    expect(() => parseArguments(args, {})).toThrow(words);
  });
});
