import type { Entry } from '../core/entry.ts';
import { Refusal } from '../core/errors.ts';
import type { DeviceId } from '../core/ids.ts';

/** Whether entries of the user's log say that the device was removed. That is for good, so an old entry says no less than a new one. */
export function signsOut(entries: readonly Entry[], deviceId: DeviceId): boolean {
  return entries.some(
    ({ change }) => change.kind === 'device-changed' && change.removed && change.deviceId === deviceId,
  );
}

export function signedOut(): Refusal {
  return new Refusal('SIGNED_OUT', 'this device was signed out: sign in again, with another device id');
}

export function tokenExpired(): Refusal {
  return new Refusal('TOKEN_EXPIRED', 'the token has expired: open a stream with a new one');
}
