import { expect, test } from 'vitest';
import { parseCommandLine, UsageError } from './args.ts';

test('a file alone is played at full speed on a private platform', () => {
  expect(parseCommandLine(['a.txt', 'b.txt'])).toEqual({
    speed: Infinity,
    disturb: false,
    seed: 1,
    cluster: false,
    target: undefined,
    files: ['a.txt', 'b.txt'],
  });
});

test('every option is understood', () => {
  const line = ['--speed', '60', '--disturb', '--seed=7', '--target', 'localhost:8080', 'a.txt'];
  expect(parseCommandLine(line)).toEqual({
    speed: 60,
    disturb: true,
    seed: 7,
    cluster: false,
    target: { host: 'localhost', port: 8080 },
    files: ['a.txt'],
  });
  expect(parseCommandLine(['--speed', 'max', '--target', '[::1]:1', 'a'])).toMatchObject({
    speed: Infinity,
    target: { host: '[::1]', port: 1 },
  });
  expect(parseCommandLine(['--cluster', 'a'])).toMatchObject({ cluster: true, target: undefined });
  expect(parseCommandLine(['--help'])).toBe('help');
});

test.each([
  [[], /at least one log/],
  [['a', 'a'], /a is named twice/],
  [['--speed', 'fast', 'a'], /--speed takes a number above 0 or max, not "fast"/],
  [['--speed', '0', 'a'], /--speed/],
  [['--speed=-1', 'a'], /--speed/],
  [['--speed=', 'a'], /--speed/],
  [['--seed', 'x', 'a'], /--seed takes a whole number/],
  [['--cluster', '--target', 'h:1', 'a'], /not both/],
  [['--target', '8080', 'a'], /--target takes HOST:PORT/],
  [['--target', 'h:0', 'a'], /--target/],
  [['--target', 'h:65536', 'a'], /--target/],
  [['--distrub', 'a'], /distrub/],
  [['--speed'], /speed/],
])('%j is refused in words', (line, words) => {
  expect(() => parseCommandLine(line)).toThrow(UsageError);
  expect(() => parseCommandLine(line)).toThrow(words);
});
