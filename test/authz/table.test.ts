// Authorisation as one table: every RPC and every client frame of the descriptor set, as each kind of caller. What an RPC
// or frame without a row may do has not been thought about: it fails here.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { People } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';
import { fieldNames, methods } from '../wire/descriptors.ts';
import { accountRows } from './account-rows.ts';
import { frameRows } from './frame-rows.ts';
import type { Outcome, Row } from './row.ts';
import { Stage, callers } from './scene.ts';
import { threadRows } from './thread-rows.ts';

const rows: readonly Row[] = [...threadRows, ...accountRows, ...frameRows];

let platform: Platform;
let people: People;
let stage: Stage;

beforeAll(async () => {
  platform = await startPlatform({ env: unlimited });
  people = new People(platform);
  stage = await Stage.open(people);
});
afterAll(async () => {
  people[Symbol.dispose]();
  await platform.stop();
});

test('every RPC and every client frame has one row', () => {
  const calls = methods.map((method) => method.path.replace('parley.v1.', ''));
  const frames = fieldNames('ClientFrame').filter((name) => name !== 'request_id');
  expect(rows.map(({ call }) => call).toSorted()).toEqual([...calls, ...frames].toSorted());
});

describe.each(callers)('as %s', (kind) => {
  test.each(rows)('$call comes to what the contract says', async (row) => {
    const { caller, target } = await stage.scene(kind);
    const { result } = await row.run(caller, target);
    expect(result).toBe(row[kind]);
  });

  test.each(rows.filter((row) => row[kind] === 'THREAD_NOT_FOUND'))(
    '$call answers for a thread that is not theirs byte for byte as for one that does not exist',
    async (row) => {
      const { caller, target } = await stage.scene(kind);
      const foreign = await row.run(caller, target);
      const missing = await row.run(caller, Stage.missing(target));
      expect(comparable(foreign)).toEqual(comparable(missing));
      expect(foreign.refusal?.bytes.length).toBeGreaterThan(0);
    },
  );
});

function comparable({ result, refusal }: Outcome): unknown {
  return [result, refusal?.code, refusal?.message, refusal?.bytes.toString('hex')];
}
