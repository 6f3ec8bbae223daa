import { expect, test } from 'vitest';
import type { RowResult } from './suite.ts';
import { isUnequal, tableOf } from './table.ts';

const passed = { kind: 'passed', ms: 1200 } as const;
const failed = { kind: 'failed', why: 'it was told twice' } as const;
const results: readonly RowResult[] = [
  { name: 'connect', outcomes: { native: passed, web: passed, webkit: passed } },
  { name: 'live', outcomes: { native: passed, web: passed, webkit: failed } },
];

test('a row that fails in one browser is unequal, and the table says where and why', () => {
  expect(results.map(isUnequal)).toEqual([false, true]);
  const table = tableOf(results, { firefox: 'not installed; apt-get install firefox-esr' });
  expect(table).toContain('live     passed 1.2 s    passed 1.2 s    failed');
  expect(table).toContain('passed   2 of 2          2 of 2          1 of 2');
  expect(table).toContain('live, webkit: it was told twice');
  expect(table.at(-1)).toBe('conformance: rows=2 native=2 web=2 unequal=1');
});

test('a browser that is not run has no column, and its line says why', () => {
  const table = tableOf(results, { firefox: 'not installed; apt-get install firefox-esr' });
  expect(table).toContain('firefox  Firefox: the same; not run: not installed; apt-get install firefox-esr');
  expect(table).toContain('row      native          web             webkit');
});
