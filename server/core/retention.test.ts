import { expect, test } from 'vitest';
import { endMsOf, parseDuration, parseRetention, RetentionRules } from './retention.ts';

const keep = { mode: 'keep', durationS: 0 } as const;
const week = { mode: 'keep-for', durationS: 7 * 86_400 } as const;
const delivered = { mode: 'until-delivered', durationS: 0 } as const;

test('a rule is read as it is written in the settings, and what is none is refused with what it should be', () => {
  expect(['keep', 'keep-for:7d', 'until-delivered', 'until-delivered:90m'].map(parseRetention)).toEqual([
    keep,
    week,
    delivered,
    { mode: 'until-delivered', durationS: 5_400 },
  ]);
  for (const wrong of ['', 'forever', 'keep:7d', 'keep-for', 'keep-for:7', 'keep-for:7d:1', 'until-delivered:']) {
    expect(() => parseRetention(wrong)).toThrow(/must be/);
  }
  expect(['60s', '1h', '36600d'].map(parseDuration)).toEqual([60, 3_600, 3_162_240_000]);
  for (const wrong of ['59s', '36601d', '-1d', '1.5h', '1w', 'd'])
    expect(() => parseDuration(wrong)).toThrow(/must be/);
});

test('the maximum of the deployment bounds every rule, and keeping for good becomes keeping as long as it allows', () => {
  const rules = new RetentionRules(keep, 86_400);
  expect(
    [keep, week, delivered, { mode: 'keep-for', durationS: 60 } as const].map((rule) => rules.bounded(rule)),
  ).toEqual([
    { mode: 'keep-for', durationS: 86_400 },
    { mode: 'keep-for', durationS: 86_400 },
    { mode: 'until-delivered', durationS: 86_400 },
    { mode: 'keep-for', durationS: 60 },
  ]);
  expect(rules.current([])).toEqual({ mode: 'keep-for', durationS: 86_400 });
  expect(new RetentionRules(keep, 0).bounded(week)).toEqual(week);
});

test('a message is under the rule of the last span that begins below it', () => {
  const rules = new RetentionRules(week, 0);
  const spans = [
    { after: 5n, retention: keep },
    { after: 9n, retention: delivered },
  ];
  expect([1n, 5n, 6n, 9n, 10n].map((sequence) => rules.of(spans, sequence))).toEqual([
    week,
    week,
    keep,
    keep,
    delivered,
  ]);
  expect(rules.current(spans)).toEqual(delivered);
  expect([[], spans.slice(0, 1), spans].map((some) => rules.waits(some))).toEqual([false, false, true]);
  expect(rules.erasing(spans)).toEqual([
    { after: 0n, upTo: 5n, rule: week },
    { after: 9n, upTo: undefined, rule: delivered },
  ]);
  expect(endMsOf(week, 1_000)).toBe(604_801_000);
  expect(endMsOf(delivered, 1_000)).toBe(Infinity);
});
