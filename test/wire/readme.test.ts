// proto/README.md repeats some of the protos for readers; here it is held to them.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { catalogue } from '../../server/core/errors.ts';
import { OpenRequest } from '#proto/parley/v1/stream_service.ts';
import { enumNames } from './descriptors.ts';

const protoDir = path.resolve(import.meta.dirname, '../../proto');
const readme = readFileSync(path.join(protoDir, 'README.md'), 'utf8');

/** The cells of the table whose header begins with `| first | second |`, without header and rule. */
function table(...header: string[]): string[][] {
  const lines = readme.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${header.join(' | ')} |`));
  if (start === -1) throw new Error(`proto/README.md has no table ${header.join(', ')}`);
  const rows: string[][] = [];
  for (let at = start + 2; lines[at]?.startsWith('| ') === true; at++) {
    rows.push((lines[at] ?? '').slice(2, -2).split(' | '));
  }
  return rows;
}

/** Comment of each value of an enum in a proto file, joined to one line. */
function comments(file: string, enumName: string, prefix: string): Map<string, string> {
  const source = readFileSync(path.join(protoDir, 'parley/v1', file), 'utf8');
  const body = source.split(`enum ${enumName} {`)[1]?.split('\n}')[0] ?? '';
  const found = new Map<string, string>();
  let comment: string[] = [];
  for (const line of body.split('\n')) {
    const part = /^ {2}\/\/ (.*)$/.exec(line);
    const value = new RegExp(`^ {2}${prefix}(\\w+) = \\d+;$`).exec(line);
    if (part?.[1] !== undefined) comment.push(part[1]);
    if (value?.[1] === undefined) continue;
    found.set(value[1], comment.join(' '));
    comment = [];
  }
  found.delete('UNSPECIFIED');
  return found;
}

test('the error table is error.proto: the same reasons, codes and meanings in the same order', () => {
  const declared = comments('error.proto', 'ErrorReason', 'ERROR_REASON_');
  expect([...declared.keys()]).toEqual(enumNames('ErrorReason', 'ERROR_REASON_'));
  const rows = table('reason', 'code', 'meaning').map(([reason, code, meaning]) => [reason, `${code}. ${meaning}`]);
  expect(rows).toEqual([...declared]);
});

test('every row of the error table says what to do and whether to try again', () => {
  const incomplete = table('reason', 'code', 'meaning').filter(
    ([, , , todo = '', again = '', ...more]) => todo === '' || !['yes', 'no'].includes(again) || more.length > 0,
  );
  expect(incomplete).toEqual([]);
});

test('the server refuses with the reasons and codes of the error table and with no others', () => {
  const rows = table('reason', 'code', 'meaning').map(([reason, code]) => [reason, code]);
  expect({ ...catalogue }).toEqual(Object.fromEntries(rows));
});

test('the goodbye table has every reason of the proto with its status and whether to reconnect', () => {
  const declared = comments('stream_service.proto', 'GoodbyeReason', 'GOODBYE_REASON_');
  const rows = table('reason', 'status', 'reconnect');
  expect(rows.map(([reason]) => reason)).toEqual([...declared.keys()]);
  for (const [reason = '', codes = '', reconnect] of rows) {
    const comment = declared.get(reason) ?? '';
    const inBrackets = /\(([A-Z_]+(?: or [A-Z_]+)?)\)/.exec(comment)?.[1] ?? '';
    expect([reason, ...codes.split(', ')]).toEqual([reason, ...inBrackets.split(' or ')]);
    expect([reason, reconnect]).toEqual([reason, comment.includes('Do not reconnect') ? 'no' : 'yes']);
  }
});

test('every reason and status named in the text exists', () => {
  const known = new Set([
    ...enumNames('ErrorReason', 'ERROR_REASON_'),
    ...enumNames('GoodbyeReason', 'GOODBYE_REASON_'),
    ...Object.keys(status),
  ]);
  const costs = table('mistake', 'reason', 'cost').flatMap(([, reason = '']) => reason.match(/[A-Z_]{4,}/g) ?? []);
  expect(costs.length).toBeGreaterThan(15);
  expect(costs.filter((reason) => !known.has(reason))).toEqual([]);
});

test('the bytes of the example are what the sentence beside them says', () => {
  const hex = /is the OpenRequest `([0-9a-f ]+)`/.exec(readme)?.[1] ?? '';
  const request = OpenRequest.decode(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
  expect(request).toEqual({
    frames: [{ requestId: 0n, frame: { $case: 'ack', value: { position: { threadId: 'd_x', upToSequence: 6n } } } }],
  });
});
