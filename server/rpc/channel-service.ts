import type { ChannelServiceService } from '#proto/parley/v1/channel_service.ts';
import type { Chat } from '../chat/chat.ts';
import { invalidField } from '../core/errors.ts';
import { parseChannelId, parseUserId } from '../core/ids.ts';
import { channelToProto, commentFromProto, commentToProto } from './convert/comment.ts';
import { timeFromProto } from './convert/time.ts';
import type { ServiceHandlers } from './service.ts';
import { pageSize, parseOptionalSequence, parseSequence } from './validate.ts';

const maxSlowModeS = 3_600;

export function channelHandlers({ channels }: Chat): ServiceHandlers<ChannelServiceService> {
  return {
    async publishComment(request, caller) {
      const channelId = parseChannelId(request.channelId);
      const { comment, epoch, duplicate } = await channels.publish(caller, channelId, commentFromProto(request));
      return { comment: commentToProto(comment), epoch, duplicate };
    },
    async listComments(request, caller) {
      const { comments, pinned, epoch, nextPageToken } = await channels.list(caller, {
        channelId: parseChannelId(request.channelId),
        limit: pageSize(request.pageSize, 50, 200),
        pageToken: request.pageToken,
        before: parseOptionalSequence(request.beforeNumber, 'before_number'),
      });
      return { comments: comments.map((comment) => commentToProto(comment, pinned)), nextPageToken, epoch };
    },
    async describeChannel(request) {
      return { channel: channelToProto(await channels.describe(parseChannelId(request.channelId))) };
    },
    async deleteComment(request, caller) {
      await channels.delete(caller, parseChannelId(request.channelId), parseSequence(request.number, 'number'));
      return {};
    },
    async pinComment(request, caller) {
      const number = parseOptionalSequence(request.number, 'number');
      return { channel: channelToProto(await channels.pin(caller, parseChannelId(request.channelId), number)) };
    },
    async restrictUser(request, caller) {
      const untilMs = Math.max(0, timeFromProto(request.untilTime, 'until_time'));
      await channels.restrict(caller, parseChannelId(request.channelId), parseUserId(request.userId), untilMs);
      return {};
    },
    async setSlowMode(request, caller) {
      const { seconds } = request;
      if (seconds > maxSlowModeS) throw invalidField('seconds', `must be 0–${maxSlowModeS}`);
      return {
        channel: channelToProto(await channels.setSlowMode(caller, parseChannelId(request.channelId), seconds)),
      };
    },
  };
}
