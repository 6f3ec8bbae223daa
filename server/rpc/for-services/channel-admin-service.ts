import { ChannelAdminServiceService } from '#proto/parley/service/v1/channel_admin_service.ts';
import { notServed, type ServiceHandlers } from '../service.ts';
import type { Guard } from './guard.ts';
import type { ServiceCaller } from './service-caller.ts';

export function channelAdminHandlers(guard: Guard): ServiceHandlers<ChannelAdminServiceService, ServiceCaller> {
  const of = ChannelAdminServiceService;
  return {
    createChannel: guard('channels', of.createChannel, notServed),
    updateChannel: guard('channels', of.updateChannel, notServed),
    closeChannel: guard('channels', of.closeChannel, notServed),
    reopenChannel: guard('channels', of.reopenChannel, notServed),
    setModerator: guard('channels', of.setModerator, notServed),
    publishComment: guard('comments', of.publishComment, notServed),
  };
}
