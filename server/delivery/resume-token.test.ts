import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DeviceId, UserId } from '../core/ids.ts';
import { ResumeTokens, type ResumePlace } from './resume-token.ts';

const tokens = new ResumeTokens(Buffer.alloc(32, 7));
const place: ResumePlace = {
  userId: '阿丽思' as UserId,
  deviceId: 'phone' as DeviceId,
  userSequence: 12n,
  inboxMs: 1_700_000_000_000,
  groupsMs: 1_690_000_000_000,
  epoch: 3n,
  madeMs: 1_700_000_000_500,
};

describe('A resume token', () => {
  it('gives back the place it was made for', () => {
    expect(tokens.read(tokens.make(place), place.userId, place.deviceId, place.madeMs)).toEqual(place);
  });

  it('stays within 512 bytes for the longest ids', () => {
    const longest = { ...place, userId: 'u'.repeat(128) as UserId, deviceId: 'd'.repeat(64) as DeviceId };
    const token = tokens.make(longest);
    expect(token.length).toBeLessThanOrEqual(512);
    expect(tokens.read(token, longest.userId, longest.deviceId, place.madeMs)).toEqual(longest);
  });

  it('is worth nothing to another user, on another device, or after 30 days', () => {
    const token = tokens.make(place);
    const days30 = 30 * 24 * 3_600_000;
    expect(tokens.read(token, 'bob' as UserId, place.deviceId, place.madeMs)).toBeUndefined();
    expect(tokens.read(token, place.userId, 'tablet' as DeviceId, place.madeMs)).toBeUndefined();
    expect(tokens.read(token, place.userId, place.deviceId, place.madeMs + days30)).toEqual(place);
    expect(tokens.read(token, place.userId, place.deviceId, place.madeMs + days30 + 1)).toBeUndefined();
  });

  it('is refused once any bit of it is changed, and so is any other string of bytes', () => {
    const token = tokens.make(place);
    fc.assert(
      fc.property(fc.nat(token.length * 8 - 1), (bit) => {
        const forged = Buffer.from(token);
        forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(tokens.read(forged, place.userId, place.deviceId, place.madeMs)).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 512 }), (bytes) => {
        expect(tokens.read(bytes, place.userId, place.deviceId, place.madeMs)).toBeUndefined();
      }),
    );
  });

  it('of another deployment is refused', () => {
    const others = new ResumeTokens(Buffer.alloc(32, 8));
    expect(tokens.read(others.make(place), place.userId, place.deviceId, place.madeMs)).toBeUndefined();
  });
});
