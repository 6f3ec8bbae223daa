import { expect, test } from 'vitest';
import { seeded } from '../replay/random.ts';
import { parseCommandLine, UsageError } from './args.ts';
import { faults } from './faults.ts';
import { turns } from './schedule.ts';

test('every fault comes once before one comes again', () => {
  const come: string[] = [];
  for (const turn of turns(faults, seeded(7))) {
    if (come.length >= faults.length) break;
    come.push(...turn.map(({ name }) => name));
  }
  expect(come.toSorted()).toEqual(faults.map(({ name }) => name).toSorted());
});

test('some come together, and never two of one place', () => {
  const pairs: (readonly { place: string }[])[] = [];
  for (const turn of turns(faults, seeded(7))) {
    if (turn.length > 1) pairs.push(turn);
    if (pairs.length === 20) break;
  }
  for (const [one, other] of pairs) expect(one?.place).not.toBe(other?.place);
});

test('a seed gives the same turns again', () => {
  const first = (seed: number): string[] => {
    const names: string[] = [];
    for (const turn of turns(faults, seeded(seed))) {
      names.push(turn.map(({ name }) => name).join('+'));
      if (names.length === 30) break;
    }
    return names;
  };
  expect(first(3)).toEqual(first(3));
  expect(first(3)).not.toEqual(first(4));
});

test('the command line names faults that there are', () => {
  expect(parseCommandLine(['--only', 'node-kill', '--minutes', '1.5', '--seed', '9'])).toMatchObject({
    seed: 9,
    minutes: 1.5,
    faults: [{ name: 'node-kill' }],
  });
  expect(() => parseCommandLine(['--only', 'node-kil'])).toThrow(UsageError);
  expect(() => parseCommandLine(['--minutes', '-1'])).toThrow(UsageError);
});
