import type { Presence as ProtoPresence } from '#proto/parley/v1/presence.ts';
import type { ThreadHead } from '#proto/parley/v1/thread.ts';
import type { Presence } from '../../core/presence.ts';
import type { ThreadHeadFrame } from '../../delivery/frames.ts';
import { optionalTimeToProto } from './time.ts';
import { kindToProto, presenceStateToProto } from './words.ts';

export function headToProto(head: ThreadHeadFrame): ThreadHead {
  return {
    threadId: head.threadId,
    epoch: head.epoch,
    sequence: head.sequence,
    ordinal: head.ordinal,
    visibleFromSequence: head.visibleFrom,
    unreadCount: head.unread,
    readSequence: head.read,
    deliveredSequence: head.delivered,
    activityTime: optionalTimeToProto(head.activityMs),
    kind: kindToProto(head.kind),
    member: head.member,
  };
}

export function presenceToProto(presence: Presence): ProtoPresence {
  return {
    userId: presence.userId,
    state: presenceStateToProto(presence.state),
    lastSeenTime: optionalTimeToProto(presence.lastSeenMs),
    asOfTime: optionalTimeToProto(presence.asOfMs),
  };
}
