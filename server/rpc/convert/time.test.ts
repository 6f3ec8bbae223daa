import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Refusal } from '../../core/errors.ts';
import { durationToProto, optionalTimeToProto, timeFromProto, timeToProto } from './time.ts';

test('a time of whole ms survives the wire, also before 1970', () => {
  fc.assert(
    fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (ms) => {
      const time = timeToProto(ms);
      expect(time.nanos).toBeGreaterThanOrEqual(0);
      expect(timeFromProto(time, 'time')).toBe(ms);
    }),
  );
});

test('0 is unset where it stands for never', () => {
  expect(optionalTimeToProto(0)).toBeUndefined();
  expect(timeFromProto(undefined, 'time')).toBe(0);
});

test('times past the years 1 to 9999 and wrong nanos are refused', () => {
  for (const time of [
    { seconds: 253_402_300_800n, nanos: 0 },
    { seconds: -62_135_596_801n, nanos: 0 },
    { seconds: 0n, nanos: -1 },
    { seconds: 0n, nanos: 1_000_000_000 },
  ]) {
    expect(() => timeFromProto(time, 'time')).toThrow(Refusal);
  }
});

test('a duration is seconds and nanos', () => {
  expect(durationToProto(1_500)).toEqual({ seconds: 1n, nanos: 500_000_000 });
});
