import { expect, test } from 'vitest';
import { QuietTimes } from './quiet-hours.ts';

const times = new QuietTimes();
const hours = (start: string, end: string, timeZone = 'UTC') => {
  const minute = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
  return { startMinute: minute(start), endMinute: minute(end), timeZone };
};
const minuteMs = 60_000;
const left = (quiet: ReturnType<typeof hours> | undefined, at: string): number =>
  times.leftMs(quiet, Date.parse(at)) / minuteMs;

test.each([
  ['22:00', '07:00', '2026-01-05T21:59:59Z', 0],
  ['22:00', '07:00', '2026-01-05T22:00:00Z', 9 * 60],
  ['22:00', '07:00', '2026-01-06T03:00:00Z', 4 * 60],
  ['22:00', '07:00', '2026-01-06T06:59:30Z', 0.5],
  ['22:00', '07:00', '2026-01-06T07:00:00Z', 0],
  ['09:00', '17:00', '2026-01-06T12:30:00Z', 4.5 * 60],
  ['00:00', '23:59', '2026-01-06T23:59:00Z', 0],
])('from %s to %s at %s it lasts %d minutes more', (start, end, at, minutes) => {
  expect(left(hours(start, end), at)).toBe(minutes);
});

test('the time of day is that of the zone, also where clocks are changed before the end', () => {
  expect(left(hours('22:00', '07:00', 'Europe/Berlin'), '2026-01-05T21:30:00Z')).toBe(8.5 * 60);
  expect(left(hours('22:00', '07:00', 'Asia/Kathmandu'), '2026-01-05T18:15:00Z')).toBe(7 * 60);
  // In the night to 29 March 2026 an hour is left out, in that to 25 October one comes twice.
  expect(left(hours('22:00', '07:00', 'Europe/Berlin'), '2026-03-28T22:00:00Z')).toBe(7 * 60);
  expect(left(hours('22:00', '07:00', 'Europe/Berlin'), '2026-10-24T21:00:00Z')).toBe(9 * 60);
});

test('an end in the hour that is left out in spring is where that hour ends', () => {
  // 02:00 to 03:00 of 8 March 2026 is left out in New York.
  const until2 = hours('22:00', '02:00', 'America/New_York');
  expect(left(until2, '2026-03-08T03:00:00Z')).toBe(4 * 60);
  expect(left(until2, '2026-03-08T06:00:00Z')).toBe(60);
  expect(left(until2, '2026-03-08T06:30:15Z')).toBe(29.75);
  expect(left(until2, '2026-03-08T07:00:00Z')).toBe(0);
  const until230 = hours('22:00', '02:30', 'America/New_York');
  expect(left(until230, '2026-03-08T06:45:00Z')).toBe(15);
  expect(left(until230, '2026-03-08T07:00:00Z')).toBe(0);
});

test('without hours, or in a zone that nobody knows, nothing is quiet', () => {
  expect(left(undefined, '2026-01-06T03:00:00Z')).toBe(0);
  expect(left(hours('00:00', '23:59', 'Mars/Olympus'), '2026-01-06T03:00:00Z')).toBe(0);
});
