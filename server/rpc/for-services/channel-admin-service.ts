import { ChannelAdminServiceService } from '#proto/parley/service/v1/channel_admin_service.ts';
import type { ChannelAdmin, ChannelSettings } from '../../chat/channel-admin.ts';
import { invalidField } from '../../core/errors.ts';
import { parseChannelId, parseClientId, parseUserId, systemUser } from '../../core/ids.ts';
import { channelToProto, commentFromProto } from '../convert/comment.ts';
import type { ServiceHandlers } from '../service.ts';
import type { Touched } from './audit.ts';
import type { Guard } from './guard.ts';
import { type ServiceCaller, speakerOf } from './service-caller.ts';

const maxSlowModeS = 3_600;
const maxHistoryCount = 10_000;
const maxHistoryS = 2_592_000;

export function channelAdminHandlers(
  admin: ChannelAdmin,
  guard: Guard,
): ServiceHandlers<ChannelAdminServiceService, ServiceCaller> {
  const of = ChannelAdminServiceService;
  return {
    createChannel: guard('channels', of.createChannel, async (request, caller, touch) => {
      const { channel, requestId } = idsOf(request, touch);
      return { channel: channelToProto(await admin.create(caller, channel, requestId, settingsOf(request))) };
    }),
    updateChannel: guard('channels', of.updateChannel, async (request, caller, touch) => {
      const { channel, requestId } = idsOf(request, touch);
      return { channel: channelToProto(await admin.update(caller, channel, requestId, settingsOf(request))) };
    }),
    closeChannel: guard('channels', of.closeChannel, async (request, caller, touch) => {
      const { channel, requestId } = idsOf(request, touch);
      return { channel: channelToProto(await admin.setClosed(caller, channel, requestId, true)) };
    }),
    reopenChannel: guard('channels', of.reopenChannel, async (request, caller, touch) => {
      const { channel, requestId } = idsOf(request, touch);
      return { channel: channelToProto(await admin.setClosed(caller, channel, requestId, false)) };
    }),
    setModerator: guard('channels', of.setModerator, async (request, caller, touch) => {
      const { channel, requestId } = idsOf(request, touch);
      const user = parseUserId(request.userId);
      touch({ users: [user] });
      await admin.setModerator(caller, channel, requestId, user, request.moderator);
      return {};
    }),
    publishComment: guard('comments', of.publishComment, async (request, caller, touch) => {
      const channel = parseChannelId(request.channelId);
      touch({ channel });
      const speaker = speakerOf(caller, request.sender);
      if (speaker.userId !== systemUser) touch({ onBehalfOf: speaker.userId });
      const draft = commentFromProto(request);
      touch({ requestId: draft.clientMessageId });
      const { number, epoch, duplicate } = await admin.publish(speaker, channel, draft);
      touch({ number });
      return { number, epoch, duplicate };
    }),
  };
}

function idsOf(request: { readonly channelId: string; readonly requestId: string }, touch: (ids: Touched) => void) {
  const channel = parseChannelId(request.channelId);
  const requestId = parseClientId(request.requestId, 'request_id');
  touch({ channel, requestId });
  return { channel, requestId };
}

/** @throws Refusal INVALID_FIELD */
function settingsOf(request: {
  readonly slowModeSeconds?: number | undefined;
  readonly historyCount?: number | undefined;
  readonly historySeconds?: number | undefined;
}): ChannelSettings {
  return {
    slowModeS: within(request.slowModeSeconds, 0, maxSlowModeS, 'slow_mode_seconds'),
    historyCount: within(request.historyCount, 0, maxHistoryCount, 'history_count'),
    historyS: within(request.historySeconds, 1, maxHistoryS, 'history_seconds'),
  };
}

function within(value: number | undefined, min: number, max: number, field: string): number | undefined {
  if (value !== undefined && (value < min || value > max)) throw invalidField(field, `must be ${min}–${max}`);
  return value;
}
