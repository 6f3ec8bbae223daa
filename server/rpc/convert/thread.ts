import type {
  Message as ProtoMessage,
  Profile as ProtoProfile,
  Thread as ProtoThread,
  ThreadMember as ProtoThreadMember,
  ThreadSettings,
} from '#proto/parley/v1/thread.ts';
import { MemberRole } from '#proto/parley/v1/entry.ts';
import type { Message } from '../../chat/message.ts';
import type { ThreadMember } from '../../chat/people.ts';
import type { Profile } from '../../chat/profiles.ts';
import type { Thread } from '../../chat/threads.ts';
import type { Attachment } from '../../core/entry.ts';
import type { ThreadSettingsRow } from '../../core/rows.ts';
import { contentToProto } from './content.ts';
import { memberToProto } from './entry.ts';
import { headToProto, presenceToProto } from './head.ts';
import { retentionToProto } from './retention.ts';
import { optionalTimeToProto, timeFromProto, timeToProto } from './time.ts';
import { kindToProto, levelFromProto, levelToProto, roleToProto } from './words.ts';

export function threadToProto(thread: Thread): ProtoThread {
  return {
    threadId: thread.threadId,
    kind: kindToProto(thread.kind),
    name: thread.name,
    peerId: thread.peerId ?? '',
    head: headToProto(thread.head),
    settings: settingsToProto(thread.settings),
    role: thread.role === undefined ? MemberRole.MEMBER_ROLE_UNSPECIFIED : roleToProto(thread.role),
    memberCount: thread.memberCount,
    historyForNewMembers: thread.historyForNewMembers,
    lastMessage: thread.lastMessage === undefined ? undefined : messageToProto(thread.lastMessage),
    retention: thread.retention && retentionToProto(thread.retention),
  };
}

export function messageToProto({ entry, reactions }: Message): ProtoMessage {
  const { change } = entry;
  return {
    sequence: entry.sequence,
    ordinal: entry.ordinal,
    senderId: entry.senderId,
    senderDeviceId: entry.deviceId,
    clientMessageId: entry.clientMessageId,
    createTime: timeToProto(entry.createTimeMs),
    content: contentToProto(change.body.content),
    replyTo: change.replyTo,
    mentionIds: change.body.mentions as unknown as string[],
    attachments: change.body.attachments as Attachment[],
    editSequence: change.editSequence,
    deleteSequence: change.deleteSequence,
    reactions: reactions.map(({ emoji, count, mine }) => ({ emoji, count, mine })),
    erased: change.erased === true,
  };
}

export function settingsToProto(settings: ThreadSettingsRow): ThreadSettings {
  const { muteUntilMs, pinned, archived, notificationLevel } = settings;
  const muteUntilTime = optionalTimeToProto(muteUntilMs);
  return { muteUntilTime, pinned, archived, notificationLevel: levelToProto(notificationLevel) };
}

/** @throws Refusal INVALID_FIELD */
export function settingsFromProto(settings: ThreadSettings, field: string): ThreadSettingsRow {
  const { muteUntilTime, pinned, archived } = settings;
  // A time before 1970 is as long over as 0 is.
  const muteUntilMs = Math.max(0, timeFromProto(muteUntilTime, `${field}.mute_until_time`));
  const notificationLevel = levelFromProto(settings.notificationLevel, `${field}.notification_level`);
  return { muteUntilMs, pinned, archived, ...(notificationLevel === undefined ? {} : { notificationLevel }) };
}

export function profileToProto({ userId, displayName, avatarUrl }: Profile): ProtoProfile {
  return { userId, displayName, avatarUrl };
}

export function threadMemberToProto({ member, profile, presence }: ThreadMember): ProtoThreadMember {
  return { member: memberToProto(member), profile: profileToProto(profile), presence: presenceToProto(presence) };
}
