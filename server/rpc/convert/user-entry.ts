import type { AccountSettings, UserEntry } from '#proto/parley/v1/account.ts';
import type { Entry, UserChange } from '../../core/entry.ts';
import type { AccountRow } from '../../core/rows.ts';
import { optionalTimeToProto, timeToProto } from './time.ts';
import { directPolicyFromProto, directPolicyToProto } from './words.ts';

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
        value: {
          threadId: change.threadId,
          muteUntilTime: optionalTimeToProto(change.muteUntilMs),
          pinned: change.pinned,
          archived: change.archived,
        },
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
  };
}

/** @throws Refusal INVALID_FIELD */
export function accountFromProto(settings: AccountSettings, field: string): AccountRow {
  return {
    directPolicy: directPolicyFromProto(settings.directPolicy, `${field}.direct_policy`),
    readPrivately: settings.readPrivately,
    hidePresence: settings.hidePresence,
  };
}
