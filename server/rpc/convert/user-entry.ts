import type { AccountSettings, UserEntry } from '#proto/parley/v1/account.ts';
import type { QuietHours as ProtoQuietHours } from '#proto/parley/v1/notification.ts';
import type { Entry, QuietHours, UserChange } from '../../core/entry.ts';
import { invalidField } from '../../core/errors.ts';
import type { AccountRow } from '../../core/rows.ts';
import { settingsToProto } from './thread.ts';
import { timeToProto } from './time.ts';
import { directPolicyFromProto, directPolicyToProto, levelFromProto, levelToProto } from './words.ts';

/** An entry of a user's own log for the wire. */
export function userEntryToProto(entry: Entry): UserEntry {
  return {
    sequence: entry.sequence,
    createTime: timeToProto(entry.createTimeMs),
    kind: kindOfUserEntry(entry.change as UserChange),
  };
}

function kindOfUserEntry(change: UserChange): UserEntry['kind'] {
  switch (change.kind) {
    case 'thread-added':
      return { $case: 'threadAdded', value: { threadId: change.threadId } };
    case 'thread-removed':
      return { $case: 'threadRemoved', value: { threadId: change.threadId } };
    case 'thread-settings-changed':
      return {
        $case: 'threadSettingsChanged',
        value: { threadId: change.threadId, ...settingsToProto(change) },
      };
    case 'block-changed':
      return { $case: 'blockChanged', value: { userId: change.userId, blocked: change.blocked } };
    case 'profile-changed':
      return { $case: 'profileChanged', value: { displayName: change.displayName, avatarUrl: change.avatarUrl } };
    case 'account-settings-changed':
      return { $case: 'accountSettingsChanged', value: accountToProto(change) };
    case 'device-changed':
      return { $case: 'deviceChanged', value: { deviceId: change.deviceId, removed: change.removed } };
  }
}

export function accountToProto(account: AccountRow): AccountSettings {
  return {
    directPolicy: directPolicyToProto(account.directPolicy),
    readPrivately: account.readPrivately,
    hidePresence: account.hidePresence,
    hideNotificationContent: account.hideNotificationContent === true,
    notificationLevel: levelToProto(account.notificationLevel),
    quietHours: account.quietHours,
  };
}

/** @throws Refusal INVALID_FIELD */
export function accountFromProto(settings: AccountSettings, field: string): AccountRow {
  const { readPrivately, hidePresence, hideNotificationContent, quietHours } = settings;
  const notificationLevel = levelFromProto(settings.notificationLevel, `${field}.notification_level`);
  return {
    directPolicy: directPolicyFromProto(settings.directPolicy, `${field}.direct_policy`),
    readPrivately,
    hidePresence,
    ...(hideNotificationContent ? { hideNotificationContent } : {}),
    ...(notificationLevel === undefined ? {} : { notificationLevel }),
    ...(quietHours === undefined ? {} : { quietHours: quietHoursFromProto(quietHours, `${field}.quiet_hours`) }),
  };
}

const minutesADay = 24 * 60;

function quietHoursFromProto({ startMinute, endMinute, timeZone }: ProtoQuietHours, field: string): QuietHours {
  if (startMinute >= minutesADay) throw invalidField(`${field}.start_minute`, 'must be below 1440');
  if (endMinute >= minutesADay) throw invalidField(`${field}.end_minute`, 'must be below 1440');
  if (startMinute === endMinute) throw invalidField(`${field}.end_minute`, 'must be another than the start');
  if (!isTimeZone(timeZone)) throw invalidField(`${field}.time_zone`, 'must be the IANA name of a time zone');
  return { startMinute, endMinute, timeZone };
}

function isTimeZone(name: string): boolean {
  if (name === '' || name.length > 64) return false;
  try {
    Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
