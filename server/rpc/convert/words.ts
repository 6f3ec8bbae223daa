import { DirectPolicy } from '#proto/parley/v1/account.ts';
import { MemberRole, ThreadKind } from '#proto/parley/v1/entry.ts';
import { NotificationLevel } from '#proto/parley/v1/notification.ts';
import { PresenceState } from '#proto/parley/v1/presence.ts';
import { RetentionMode } from '#proto/parley/v1/retention.ts';
import type { NotificationLevel as CoreLevel, Retention, Role } from '../../core/entry.ts';
import { invalidField } from '../../core/errors.ts';
import type { PresenceState as CorePresenceState } from '../../core/presence.ts';
import type { AccountRow } from '../../core/rows.ts';

export function kindToProto(kind: 'direct' | 'group'): ThreadKind {
  return kind === 'direct' ? ThreadKind.THREAD_KIND_DIRECT : ThreadKind.THREAD_KIND_GROUP;
}

export function roleToProto(role: Role): MemberRole {
  switch (role) {
    case 'member':
      return MemberRole.MEMBER_ROLE_MEMBER;
    case 'admin':
      return MemberRole.MEMBER_ROLE_ADMIN;
    case 'owner':
      return MemberRole.MEMBER_ROLE_OWNER;
  }
}

/** @throws Refusal INVALID_FIELD for UNSPECIFIED and roles that are newer than this server. */
export function roleFromProto(role: number, field: string): Role {
  switch (role) {
    case MemberRole.MEMBER_ROLE_MEMBER:
      return 'member';
    case MemberRole.MEMBER_ROLE_ADMIN:
      return 'admin';
    case MemberRole.MEMBER_ROLE_OWNER:
      return 'owner';
    default:
      throw invalidField(field, 'must be MEMBER, ADMIN or OWNER');
  }
}

export function presenceStateToProto(state: CorePresenceState): PresenceState {
  switch (state) {
    case 'online':
      return PresenceState.PRESENCE_STATE_ONLINE;
    case 'offline':
      return PresenceState.PRESENCE_STATE_OFFLINE;
    case 'unknown':
      return PresenceState.PRESENCE_STATE_UNKNOWN;
    case 'hidden':
      return PresenceState.PRESENCE_STATE_HIDDEN;
  }
}

export function directPolicyToProto(policy: AccountRow['directPolicy']): DirectPolicy {
  switch (policy) {
    case 'anyone':
      return DirectPolicy.DIRECT_POLICY_ANYONE;
    case 'shared-group':
      return DirectPolicy.DIRECT_POLICY_SHARED_GROUP;
    case 'nobody':
      return DirectPolicy.DIRECT_POLICY_NOBODY;
  }
}

/** @throws Refusal INVALID_FIELD for policies that are newer than this server: taken as ANYONE they would open what was to be closed. */
export function directPolicyFromProto(policy: number, field: string): AccountRow['directPolicy'] {
  switch (policy) {
    case DirectPolicy.DIRECT_POLICY_UNSPECIFIED:
    case DirectPolicy.DIRECT_POLICY_ANYONE:
      return 'anyone';
    case DirectPolicy.DIRECT_POLICY_SHARED_GROUP:
      return 'shared-group';
    case DirectPolicy.DIRECT_POLICY_NOBODY:
      return 'nobody';
    default:
      throw invalidField(field, 'must be ANYONE, SHARED_GROUP or NOBODY');
  }
}

export function levelToProto(level: CoreLevel | undefined): NotificationLevel {
  switch (level) {
    case undefined:
      return NotificationLevel.NOTIFICATION_LEVEL_UNSPECIFIED;
    case 'all':
      return NotificationLevel.NOTIFICATION_LEVEL_ALL;
    case 'mentions':
      return NotificationLevel.NOTIFICATION_LEVEL_MENTIONS;
    case 'none':
      return NotificationLevel.NOTIFICATION_LEVEL_NONE;
  }
}

/** @throws Refusal INVALID_FIELD for levels that are newer than this server. */
export function levelFromProto(level: number, field: string): CoreLevel | undefined {
  switch (level) {
    case NotificationLevel.NOTIFICATION_LEVEL_UNSPECIFIED:
      return undefined;
    case NotificationLevel.NOTIFICATION_LEVEL_ALL:
      return 'all';
    case NotificationLevel.NOTIFICATION_LEVEL_MENTIONS:
      return 'mentions';
    case NotificationLevel.NOTIFICATION_LEVEL_NONE:
      return 'none';
    default:
      throw invalidField(field, 'must be ALL, MENTIONS, NONE or unset');
  }
}

export function retentionModeToProto(mode: Retention['mode']): RetentionMode {
  switch (mode) {
    case 'keep':
      return RetentionMode.RETENTION_MODE_KEEP;
    case 'keep-for':
      return RetentionMode.RETENTION_MODE_KEEP_FOR;
    case 'until-delivered':
      return RetentionMode.RETENTION_MODE_UNTIL_DELIVERED;
  }
}
