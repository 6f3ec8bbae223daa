import { type Device, DevicePlatform as ProtoPlatform } from '#proto/parley/v1/device_service.ts';
import type { DeviceSaid } from '../../chat/devices.ts';
import { invalidField } from '../../core/errors.ts';
import { parseDeviceId } from '../../core/ids.ts';
import type { DevicePlatform, DeviceRecord } from '../../store/store.ts';
import { parseName } from '../validate.ts';
import { timeToProto } from './time.ts';

const maxPushTokenBytes = 4_096;
const maxLocaleBytes = 35;
const maxDisplayNameBytes = 100;
const maxKeyBytes = 16 * 1_024;

const platforms: Record<DevicePlatform, ProtoPlatform> = {
  unspecified: ProtoPlatform.DEVICE_PLATFORM_UNSPECIFIED,
  android: ProtoPlatform.DEVICE_PLATFORM_ANDROID,
  ios: ProtoPlatform.DEVICE_PLATFORM_IOS,
  web: ProtoPlatform.DEVICE_PLATFORM_WEB,
  desktop: ProtoPlatform.DEVICE_PLATFORM_DESKTOP,
};

/** Without its push token, which is nobody's to read. `active`: it is one that counts. */
export function deviceToProto(record: DeviceRecord, active: boolean): Device {
  return {
    deviceId: record.deviceId,
    platform: platforms[record.platform],
    pushToken: '',
    locale: record.locale,
    displayName: record.displayName,
    keyBlob: Buffer.from(record.keyBlob),
    lastSeenTime: timeToProto(record.seenMs),
    active,
    notified: record.pushToken !== '',
  };
}

/** What the server sets is left out. @throws Refusal INVALID_FIELD */
export function deviceFromProto(device: Device, field: string): DeviceSaid {
  const { keyBlob } = device;
  if (keyBlob.length > maxKeyBytes) throw invalidField(`${field}.key_blob`, `must be at most ${maxKeyBytes} bytes`);
  return {
    deviceId: parseDeviceId(device.deviceId, `${field}.device_id`),
    platform: platformOf(device.platform, `${field}.platform`),
    pushToken: parseName(device.pushToken, 0, maxPushTokenBytes, `${field}.push_token`),
    locale: parseLocale(device.locale, `${field}.locale`),
    displayName: parseName(device.displayName, 0, maxDisplayNameBytes, `${field}.display_name`),
    // A copy: the bytes are a view of the whole request.
    keyBlob: Uint8Array.from(keyBlob),
  };
}

/** @throws Refusal INVALID_FIELD for platforms that are newer than this server */
function platformOf(value: ProtoPlatform, field: string): DevicePlatform {
  const found = Object.entries(platforms).find(([, platform]) => platform === value);
  if (found === undefined) throw invalidField(field, 'must be ANDROID, IOS, WEB, DESKTOP or unset');
  return found[0] as DevicePlatform;
}

function parseLocale(value: string, field: string): string {
  if (value === '') return value;
  if (Buffer.byteLength(value) > maxLocaleBytes || !isLanguageTag(value)) {
    throw invalidField(field, `must be a BCP 47 language tag of at most ${maxLocaleBytes} bytes, or empty`);
  }
  return value;
}

function isLanguageTag(value: string): boolean {
  try {
    return Intl.getCanonicalLocales(value).length === 1;
  } catch {
    return false;
  }
}
