import { expect, test } from 'vitest';
import type { DeviceId } from '../../core/ids.ts';
import { ByteWriter } from './bytes.ts';
import { decodeDeviceRecord, encodeDeviceRecord } from './devices.ts';

const deviceId = 'phone' as DeviceId;
const kept = { platform: 'ios', pushToken: 'token', locale: 'fr', keyBlob: Uint8Array.of(1, 2), seenMs: 7 } as const;

test('a device that was kept before devices had names is read, and has none', () => {
  const writer = new ByteWriter();
  const { pushToken, locale, keyBlob, seenMs } = kept;
  const former = writer.start(1).u8(2).text(pushToken).short(locale).raw(keyBlob).u48(seenMs).u8(0).take();
  expect(decodeDeviceRecord(former, deviceId)).toEqual({ ...kept, deviceId, displayName: '', removed: false });
});

test('a device is read as it was kept', () => {
  const record = { ...kept, deviceId, displayName: 'Jo’s phone', removed: false };
  expect(decodeDeviceRecord(encodeDeviceRecord(new ByteWriter(), record), deviceId)).toEqual(record);
});
