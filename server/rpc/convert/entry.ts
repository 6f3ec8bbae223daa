import type { Attachment, Entry as ProtoEntry, Member as ProtoMember } from '#proto/parley/v1/entry.ts';
import type { Entry, Member, ThreadChange } from '../../core/entry.ts';
import { contentToProto } from './content.ts';
import { retentionToProto } from './retention.ts';
import { timeToProto } from './time.ts';
import { kindToProto, roleToProto } from './words.ts';

/**
 * An entry of a thread's log for the wire. Runs once for each entry and node, not for each listener; lists and bytes are shared
 * with the entry, which is frozen.
 */
export function entryToProto(entry: Entry): ProtoEntry {
  return {
    sequence: entry.sequence,
    ordinal: entry.ordinal,
    senderId: entry.senderId,
    senderDeviceId: entry.deviceId,
    clientMessageId: entry.clientMessageId,
    createTime: timeToProto(entry.createTimeMs),
    kind: kindOfEntry(entry.change as ThreadChange, entry.sequence),
  };
}

function kindOfEntry(change: ThreadChange, sequence: bigint): ProtoEntry['kind'] {
  switch (change.kind) {
    case 'message':
      return {
        $case: 'message',
        value: {
          content: contentToProto(change.body.content),
          replyTo: change.replyTo,
          mentionIds: change.body.mentions as unknown as string[],
          attachments: change.body.attachments as Attachment[],
          editSequence: change.editSequence,
          deleteSequence: change.deleteSequence,
          erased: change.erased === true,
        },
      };
    case 'message-edited':
      return {
        $case: 'messageEdited',
        value: {
          targetSequence: change.target,
          content: contentToProto(change.body.content),
          mentionIds: change.body.mentions as unknown as string[],
          attachments: change.body.attachments as Attachment[],
        },
      };
    case 'message-deleted':
      return { $case: 'messageDeleted', value: { targetSequence: change.target } };
    case 'reaction-changed':
      return {
        $case: 'reactionChanged',
        value: { targetSequence: change.target, emoji: change.emoji, removed: change.removed },
      };
    case 'thread-created':
      return {
        $case: 'threadCreated',
        value: {
          threadKind: kindToProto(change.threadKind),
          members: change.members.map(({ userId, role }) => memberToProto({ userId, role, joinSequence: sequence })),
          name: change.name,
          historyForNewMembers: change.historyForNewMembers,
        },
      };
    case 'member-added':
      return { $case: 'memberAdded', value: { userId: change.userId, role: roleToProto(change.role) } };
    case 'member-removed':
      return { $case: 'memberRemoved', value: { userId: change.userId } };
    case 'role-changed':
      return { $case: 'roleChanged', value: { userId: change.userId, role: roleToProto(change.role) } };
    case 'group-changed':
      return { $case: 'groupChanged', value: { name: change.name, historyForNewMembers: change.historyForNewMembers } };
    case 'retention-changed':
      return { $case: 'retentionChanged', value: { retention: retentionToProto(change.retention) } };
  }
}

export function memberToProto(member: Member): ProtoMember {
  return { userId: member.userId, role: roleToProto(member.role), joinSequence: member.joinSequence };
}
