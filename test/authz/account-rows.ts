// Calls about the caller and other people, and those that this deployment does not serve.
import { NotificationLevel } from '#proto/parley/v1/notification.ts';
import { DirectPolicy } from '#proto/parley/v1/account.ts';
import { ChannelServiceService, type PublishCommentRequest } from '#proto/parley/v1/channel_service.ts';
import { Device, DevicePlatform, DeviceServiceService } from '#proto/parley/v1/device_service.ts';
import { PeopleServiceService } from '#proto/parley/v1/people_service.ts';
import { type Presence, PresenceState } from '#proto/parley/v1/presence.ts';
import { PresenceServiceService } from '#proto/parley/v1/presence_service.ts';
import { RetentionMode } from '#proto/parley/v1/retention.ts';
import { RetentionServiceService } from '#proto/parley/v1/retention_service.ts';
import { clientId } from '../support/raw-people.ts';
import type { UnaryMethod } from '../support/raw-client.ts';
import { type Expected, type Row, everyone, members, outcomeOf, unary, writers } from './row.ts';
import type { Target } from './scene.ts';

/** Only who shares a group, or a direct thread in which both have written and nobody is blocked, may see. */
export function presenceCheck(presences: readonly Presence[], maySee: boolean): string {
  const [presence] = presences;
  if (presence === undefined) return 'no presence';
  const hidden = presence.state === PresenceState.PRESENCE_STATE_HIDDEN;
  if (hidden && presence.lastSeenTime !== undefined) return 'tells when a hidden user was last seen';
  return hidden === maySee ? `is ${hidden ? 'hidden' : 'told'}` : 'ok';
}

const list = { pageSize: 0, pageToken: '' };

/** A channel is open to all; who moderates it is said by other services, and is none of these. */
const moderators: Expected = {
  stranger: 'ROLE_REQUIRED',
  exMember: 'ROLE_REQUIRED',
  blocked: 'ROLE_REQUIRED',
  member: 'ROLE_REQUIRED',
};

export function comment(channelId: string): PublishCommentRequest {
  return { channelId, clientMessageId: clientId(), text: 'first', replyTo: 0n, mentionIds: [] };
}

/** A row for a call about a channel in which somebody else has commented. */
function onChannel<Request, Response>(
  method: UnaryMethod<Request, Response>,
  expected: Expected,
  request: (channelId: string, target: Target) => Request,
): Row {
  const channelOf = ({ threadId }: Target): string => `about:${threadId}`;
  const row = unary(method, expected, (target) => request(channelOf(target), target));
  return {
    ...row,
    run: async (caller, target) => {
      await target.other.client.ask(ChannelServiceService.publishComment, comment(channelOf(target)));
      return row.run(caller, target);
    },
  };
}

/** A device of one's own can be removed; of another's nobody is told that it is there. */
const removeOwnDevice: Row = {
  ...unary(DeviceServiceService.removeDevice, everyone, () => ({ deviceId: 'd1' })),
  run: async (caller, { other }) => {
    const [own, others] = [Device.create({ deviceId: clientId() }), Device.create({ deviceId: clientId() })];
    await caller.client.ask(DeviceServiceService.registerDevice, { device: own });
    await other.client.ask(DeviceServiceService.registerDevice, { device: others });
    const { status } = await caller.client.call(DeviceServiceService.removeDevice, { deviceId: others.deviceId });
    if (status.reason !== 'DEVICE_NOT_FOUND') return { result: `another's device: ${status.reason ?? status.code}` };
    return outcomeOf(await caller.client.call(DeviceServiceService.removeDevice, { deviceId: own.deviceId }));
  },
};

export const accountRows: readonly Row[] = [
  unary(PeopleServiceService.batchGetProfiles, everyone, ({ other }) => ({ userIds: [other.id] })),
  unary(PeopleServiceService.updateProfile, everyone, () => ({ displayName: 'someone', avatarUrl: '' })),
  unary(PeopleServiceService.listPeople, everyone, () => list),
  unary(PeopleServiceService.blockUser, everyone, () => ({ userId: 'a-bore' })),
  unary(PeopleServiceService.unblockUser, everyone, () => ({ userId: 'a-bore' })),
  unary(PeopleServiceService.listBlockedUsers, everyone, () => list),
  unary(PeopleServiceService.getAccountSettings, everyone, () => ({})),
  unary(PeopleServiceService.updateAccountSettings, everyone, () => ({
    settings: {
      directPolicy: DirectPolicy.DIRECT_POLICY_ANYONE,
      readPrivately: false,
      hidePresence: false,
      hideNotificationContent: false,
      notificationLevel: NotificationLevel.NOTIFICATION_LEVEL_UNSPECIFIED,
      quietHours: undefined,
    },
  })),
  unary(PeopleServiceService.listUserEntries, everyone, () => ({ afterSequence: 0n, pageSize: 0 })),
  unary(
    PresenceServiceService.batchGetPresences,
    everyone,
    ({ other }: Target) => ({ userIds: [other.id] }),
    ({ presences }, _, caller) => presenceCheck(presences, caller.id.startsWith('member-')),
  ),

  unary(DeviceServiceService.registerDevice, everyone, () => ({
    device: {
      deviceId: 'd1',
      platform: DevicePlatform.DEVICE_PLATFORM_DESKTOP,
      pushToken: '',
      locale: '',
      displayName: '',
      keyBlob: Buffer.alloc(0),
      lastSeenTime: undefined,
      active: false,
      notified: false,
    },
  })),
  unary(DeviceServiceService.listDevices, everyone, () => list),
  removeOwnDevice,

  onChannel(ChannelServiceService.publishComment, everyone, (channelId) => comment(channelId)),
  onChannel(ChannelServiceService.listComments, everyone, (channelId) => ({ channelId, beforeNumber: 0n, ...list })),
  onChannel(ChannelServiceService.describeChannel, everyone, (channelId) => ({ channelId })),
  onChannel(ChannelServiceService.deleteComment, moderators, (channelId) => ({ channelId, number: 1n })),
  onChannel(ChannelServiceService.pinComment, moderators, (channelId) => ({ channelId, number: 1n })),
  onChannel(ChannelServiceService.restrictUser, moderators, (channelId, { other }) => ({
    channelId,
    userId: other.id,
    untilTime: undefined,
  })),
  onChannel(ChannelServiceService.setSlowMode, moderators, (channelId) => ({ channelId, seconds: 1 })),

  unary(RetentionServiceService.setRetention, { ...writers, member: 'ROLE_REQUIRED' }, ({ threadId }) => ({
    threadId,
    retention: { mode: RetentionMode.RETENTION_MODE_KEEP, duration: undefined },
  })),
  unary(RetentionServiceService.getRetention, members, ({ threadId }) => ({ threadId, ...list })),
];
