import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { committedExcerpt, sharedLogFiles } from './excerpts.ts';
import { type IrcLine, maxTextBytes, parseIrc } from './irc.ts';

const parse = (text: string | Buffer): IrcLine[] => [...parseIrc(Buffer.from(text as string, 'latin1'))];
const one = (text: string): IrcLine => {
  const lines = parse(text);
  expect(lines).toHaveLength(1);
  return lines[0] as IrcLine;
};

describe('lines that are messages', () => {
  test('a message keeps its nick, minute and text', () => {
    expect(one('[03:10] <Matt|> hello  there \n')).toEqual({
      kind: 'message',
      number: 1,
      minute: 190,
      nick: 'Matt|',
      text: Buffer.from('hello  there '),
    });
  });
  test('an action is told with one space after the time and with the two that the logs have', () => {
    for (const line of ['[23:59] * genii ponders OS/2', '[23:59]  * genii ponders OS/2']) {
      expect(one(line)).toMatchObject({ kind: 'action', nick: 'genii', text: Buffer.from('ponders OS/2') });
    }
  });
  test('bytes that are no UTF-8, control characters and NUL come through as they are', () => {
    const line = one('[00:00] <x> caf\xe9 \x08\x00\xff\xfe');
    expect(line).toMatchObject({ kind: 'message', text: Buffer.from('caf\xe9 \x08\x00\xff\xfe', 'latin1') });
  });
  test('a text keeps what looks like other forms', () => {
    expect(one('[12:00] <a> <b> === c has joined #d')).toMatchObject({
      nick: 'a',
      text: Buffer.from('<b> === c has joined #d'),
    });
  });
  test('a nick padded with spaces is the nick without them', () => {
    expect(one('[12:20] <brad[] > Hi')).toMatchObject({ nick: 'brad[]', text: Buffer.from('Hi') });
  });
  test('a text of one space is a text', () => {
    expect(one('[12:20] <a>  ')).toMatchObject({ kind: 'message', text: Buffer.from(' ') });
  });
});

describe('lines of the server', () => {
  test('joins and leaves are known whatever the host, the channel and the reason', () => {
    expect(one('=== topyli [~juha@dsl.fi]  has joined #Ubuntu')).toMatchObject({ kind: 'join', nick: 'topyli' });
    expect(one('=== b[] [~x@2001:db8::1]  has left #ubuntu [""Buy.]')).toMatchObject({ kind: 'leave', nick: 'b[]' });
    expect(one('=== brad[]  [~brad@209.161.225.22]  has joined #ubuntu')).toMatchObject({
      kind: 'join',
      nick: 'brad[]',
    });
  });
  test('a rename names both nicks', () => {
    expect(one('=== [Sanyi] is now known as [sanyi]')).toMatchObject({
      kind: 'rename',
      nick: '[Sanyi]',
      to: '[sanyi]',
    });
  });
  test.each([
    '===',
    '=======================',
    '=== ogra works on a mp2burn frontend right now ;)',
    '=== mode/#ubuntu [-b *!*@x]  by Seveas',
    '=== bob has joined #work at last',
    '=== bob is now known as a good cook',
    '=== bob [~b@h]  has quit [Ping timeout]',
  ])('%s is a notice', (line) => {
    expect(one(line)).toEqual({ kind: 'notice', number: 1 });
  });
});

describe('lines of no form', () => {
  test.each([
    '[12:15] <opteron>',
    '[12:15] <opteron> ',
    '[07:09]  * homejoe',
    '',
    ' ',
    'Attribution 4.0 International',
    '[12:15]',
    '[24:00] <a> b',
    '[12:60] <a> b',
    '[1:15] <a> b',
    ' [12:15] <a> b',
    '[12:15] <> b',
    '[12:15] <a b> c',
    '[12:15] <a>b',
    '[12:15] -a- b',
    '== a is now known as b',
    '\x00\xff\xfe',
  ])('%j is skipped', (line) => {
    expect(one(`${line}\n`)).toMatchObject({ kind: 'skipped' });
  });
  test('a text that no message can hold is skipped, one byte less is not', () => {
    expect(one(`[12:15] <a> ${'x'.repeat(maxTextBytes + 1)}`)).toMatchObject({ kind: 'skipped', reason: 'too long' });
    expect(one(`[12:15] <a> ${'x'.repeat(maxTextBytes)}`)).toMatchObject({ kind: 'message' });
  });
});

describe('files', () => {
  test('CRLF ends a line, a CR elsewhere is text, and the last line needs no end', () => {
    const lines = parse('[12:00] <a> x\r\n[12:00] <a> y\rz\n\n[12:00] <a> end\r');
    expect(lines.map((line) => ('text' in line ? line.text.toString() : line.kind))).toEqual([
      'x',
      'y\rz',
      'skipped',
      'end\r',
    ]);
    expect(lines.map((line) => line.number)).toEqual([1, 2, 3, 4]);
  });
  test('an empty file has no lines', () => {
    expect(parse('')).toEqual([]);
  });
  test('any bytes give one result per line, and what was told rebuilds the line', () => {
    const piece = fc.oneof(
      fc.constantFrom('[12:00] ', '<a> ', '* b ', '=== ', '\n', '\r\n', 'has joined #c', '[h] ', ' is now known as '),
      fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const file = pieces.join('');
        const raw = file
          .split('\n')
          .map((line, index, all) => (index < all.length - 1 ? line.replace(/\r$/, '') : line));
        if (raw.at(-1) === '') raw.pop();
        const lines = parse(file);
        expect(lines).toHaveLength(raw.length);
        for (const line of lines) {
          if (!('text' in line)) continue;
          expect(raw[line.number - 1]?.endsWith(` ${line.text.toString('latin1')}`)).toBe(true);
          expect(raw[line.number - 1]?.includes(line.nick)).toBe(true);
        }
      }),
    );
  });

  const files = sharedLogFiles();
  test.each(files.length > 0 ? files : [committedExcerpt])('every line of %s is of the kind grep says', (path) => {
    const text = readFileSync(path, 'latin1');
    const count = (form: RegExp): number => text.match(form)?.length ?? 0;
    const kinds = Map.groupBy(parse(text), (line) => line.kind);
    const got = (kind: IrcLine['kind']): number => kinds.get(kind)?.length ?? 0;
    expect(got('message')).toBe(count(/^\[[0-9:]+\] <.*?> .+$/gm));
    expect(got('action')).toBe(count(/^\[[0-9:]+\]  ?\* [^ \n]+ .+$/gm));
    expect(got('join')).toBe(count(/ {2}has joined #ubuntu$/gim));
    expect(got('leave')).toBe(count(/^===.* {2}has left #ubuntu/gim));
    expect(got('rename')).toBe(count(/^===.* is now known as /gm));
    expect(got('skipped')).toBe(count(/^\[[0-9:]+\] (<[^>]*>| \* [^ \n]+)$/gm));
    expect([...kinds.values()].flat()).toHaveLength(count(/\n/g));
  });
});
