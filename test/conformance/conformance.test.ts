// Every carrier behaves alike: the rows of the suite, native and in Chromium, on one deployment.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newStanding } from '../support/cassandra.ts';
import { needs } from '../support/skip.ts';
import { type RowResult, rows, Suite } from './suite.ts';
import { tableOf } from './table.ts';

// `npm run conformance` runs the rows, on a Cassandra of their own, and in Firefox and WebKitGTK too.
const absent = { firefox: 'not asked for', webkit: 'not asked for' };

needs(
  'redis',
  'cassandra',
  'openssl',
  'chromium',
)('on every carrier alike', () => {
  let suite: Suite;
  let results: readonly RowResult[];
  beforeAll(async () => {
    suite = await Suite.start(['web'], newStanding());
    results = await suite.run(rows);
  }, 240_000);
  afterAll(() => suite[Symbol.asyncDispose]());

  test.each(rows.map(({ name }) => name))('%s', (row) => {
    const { outcomes } = results.find(({ name }) => name === row) ?? {};
    expect(outcomes, JSON.stringify(outcomes)).toMatchObject({ native: { kind: 'passed' }, web: { kind: 'passed' } });
  });

  describe('the table', () => {
    test('ends with the counts', () => {
      const count = rows.length;
      expect(tableOf(results, absent).at(-1)).toBe(`conformance: rows=${count} native=${count} web=${count} unequal=0`);
    });

    test('shows a carrier that is broken: a web carrier that forgets the resume token is unequal in what resumes', async () => {
      const some = rows.filter(({ name }) => ['connect', 'resume', 'another carrier'].includes(name));
      const table = tableOf(await suite.broken('web', 'forgets-resume').run(some), absent);
      expect(table.at(-1)).toBe('conformance: rows=3 native=3 web=1 unequal=2');
    });
  });
});
