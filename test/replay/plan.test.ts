import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { actionType, bodyOf, textOf } from './body.ts';
import { committedExcerpt, sharedLogFiles } from './excerpts.ts';
import { parseIrc } from './irc.ts';
import { userId } from './nicks.ts';
import { planFile } from './plan.ts';

const plan = (...lines: string[]) => planFile('log', Buffer.from(lines.join('\n'), 'latin1'));
/** The steps in short: `a:1` a says line 1, `+a` joins, `-a` leaves, in brackets if it is a barrier only. */
const steps = (...lines: string[]): string[] =>
  plan(...lines).steps.map((step) => {
    if (step.kind === 'send') return `${step.user.slice(4)}:${step.line}`;
    const sign = `${step.kind === 'join' ? '+' : '-'}${step.user.slice(4)}`;
    return step.changes ? sign : `(${sign})`;
  });
const joins = (nick: string) => `=== ${nick} [u@h]  has joined #c`;
const leaves = (nick: string) => `=== ${nick} [u@h]  has left #c []`;
const renames = (from: string, to: string) => `=== ${from} is now known as ${to}`;
const says = (nick: string, time = '10:00') => `[${time}] <${nick}> x`;

describe('membership', () => {
  test('who speaks, leaves or renames without a join is a member from the start, who joins is not', () => {
    expect(plan(says('a'), leaves('b'), renames('c', 'd'), joins('e'), says('e')).initial).toEqual([
      'irc:a',
      'irc:b',
      'irc:c',
    ]);
  });
  test('joins and leaves stand between the messages as in the file', () => {
    expect(steps(says('a'), joins('b'), says('b'), says('a'), leaves('b'), says('a'))).toEqual([
      'a:1',
      '+b',
      'b:3',
      'a:4',
      '-b',
      'a:6',
    ]);
  });
  test('a join of a member and a leave of someone gone are barriers only', () => {
    expect(steps(says('a'), joins('a'), leaves('a'), leaves('a'), joins('a'))).toEqual([
      'a:1',
      '(+a)',
      '-a',
      '(-a)',
      '+a',
    ]);
  });
  test('who speaks after leaving is added first', () => {
    expect(steps(leaves('a'), says('a'))).toEqual(['-a', '+a', 'a:2']);
  });
  test('a file without any message plans nothing and counts its lines', () => {
    expect(plan('Attribution 4.0', '=====', 'x')).toMatchObject({ users: [], steps: [], messages: 0, skippedLines: 2 });
  });
});

describe('nicks', () => {
  test('a rename keeps the user, through chains and back', () => {
    expect(steps(says('a'), renames('a', 'b'), says('b'), renames('b', 'c'), renames('c', 'a'), says('a'))).toEqual([
      'a:1',
      'a:3',
      'a:6',
    ]);
  });
  test('a nick that was renamed away from belongs to the next who uses it', () => {
    expect(steps(renames('a', 'b'), says('a'), says('b'), renames('a', 'c'), joins('a'), says('a'))).toEqual([
      'a~2:2',
      'a:3',
      '+a~3',
      'a~3:6',
    ]);
  });
  test('renaming to a nick that is held displaces its holder, who stays a member', () => {
    const taken = plan(says('a'), says('b'), renames('b', 'a'), says('a'), says('b'));
    expect(taken.steps.map((step) => step.user)).toEqual(['irc:a', 'irc:b', 'irc:b', 'irc:b~2']);
    expect(taken.initial).toEqual(['irc:a', 'irc:b', 'irc:b~2']);
  });
  test('a nick renamed to itself keeps its user', () => {
    expect(steps(says('a'), renames('a', 'a'), says('a'))).toEqual(['a:1', 'a:3']);
  });
  test('who left and comes back under the same nick is the same user', () => {
    expect(steps(says('a'), leaves('a'), joins('a'), says('a'))).toEqual(['a:1', '-a', '+a', 'a:4']);
  });
  test('different nicks have different ids, all printable and at most 128 bytes', () => {
    const nick = fc
      .uint8Array({ minLength: 1, maxLength: 150 })
      .map((bytes) => Buffer.from(bytes).toString('latin1'))
      .chain((base) => fc.constantFrom(base, `${base}~2`, `${base}%`, 'a~2', 'a%7e2', '%%', `${base.repeat(9)}`));
    const named = fc.tuple(nick, fc.integer({ min: 1, max: 3 }));
    fc.assert(
      fc.property(named, named, ([a, m], [b, n]) => {
        expect(userId(a, m) === userId(b, n)).toBe(a === b && m === n);
        expect(userId(a, m)).toMatch(/^[!-~]{1,128}$/);
      }),
    );
    expect(userId('|trey|[]^`{}\\', 1)).toBe('irc:|trey|[]^`{}\\');
  });
});

describe('bodies', () => {
  const body = (line: string) => plan(line).steps.map((step) => (step.kind === 'send' ? step.body : undefined))[0];
  test('valid UTF-8 travels as text, anything else as bytes of unknown charset', () => {
    expect(body('[10:00] <a> caf\xc3\xa9')).toEqual({ contentType: '', bytes: Buffer.from('café') });
    expect(body('[10:00] <a> caf\xe9')).toEqual({
      contentType: 'text/plain; charset=unknown-8bit',
      bytes: Buffer.from('caf\xe9', 'latin1'),
    });
  });
  test('an action is told from a message by its content type only', () => {
    expect(body('[10:00]  * a waves')).toEqual({ contentType: actionType, bytes: Buffer.from('waves') });
    expect(body('[10:00]  * a \xff')?.contentType).toBe('text/x-irc-action; charset=unknown-8bit');
  });
  test('whatever travels as text has exactly its bytes again', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\ufeffx', '\ufeff', 'e\u0301', '\0'));
    fc.assert(
      fc.property(text, (string) => {
        const bytes = Buffer.from(string);
        const sent = bodyOf({ kind: 'message', number: 1, minute: 0, nick: 'a', text: bytes });
        expect(sent.contentType).toBe('');
        expect(Buffer.from(textOf(sent)).equals(bytes)).toBe(true);
      }),
    );
  });
});

describe('times', () => {
  const times = (...lines: string[]) => plan(...lines).steps.map((step) => (step.kind === 'send' ? step.atMs : -1));
  test('lines of one minute are spread over it and midnight goes on', () => {
    expect(times(says('a', '23:58'), says('a', '23:58'), says('a', '23:59'), says('a', '00:01'))).toEqual([
      0, 30_000, 60_000, 180_000,
    ]);
  });
  test('time never goes back when a clock was set', () => {
    expect(times(says('a', '10:10'), says('a', '10:05'), says('a', '10:11'))).toEqual([0, 0, 60_000]);
  });
});

const files = sharedLogFiles();
test.each(files.length > 0 ? files : [committedExcerpt])('the plan of %s loses no line', (path) => {
  const file = readFileSync(path);
  const planned = planFile(path, file);
  const lines = [...parseIrc(file)];
  const sends = planned.steps.filter((step) => step.kind === 'send');
  expect(sends.map((step) => step.line)).toEqual(lines.filter((line) => 'text' in line).map((line) => line.number));
  expect(planned.messages).toBe(sends.length);
  expect(new Set(planned.users).size).toBe(planned.users.length);
  const members = new Set(planned.initial);
  for (const step of planned.steps) {
    if (step.kind === 'send') expect(members).toContain(step.user);
    else if (step.changes) members[step.kind === 'join' ? 'add' : 'delete'](step.user);
  }
});
