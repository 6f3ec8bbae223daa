import { ChannelServiceService } from '#proto/parley/v1/channel_service.ts';
import { DeviceServiceService } from '#proto/parley/v1/device_service.ts';
import { GroupServiceService } from '#proto/parley/v1/group_service.ts';
import { HistoryServiceService } from '#proto/parley/v1/history_service.ts';
import { MessageServiceService } from '#proto/parley/v1/message_service.ts';
import { PeopleServiceService } from '#proto/parley/v1/people_service.ts';
import { PresenceServiceService } from '#proto/parley/v1/presence_service.ts';
import { ReceiptServiceService } from '#proto/parley/v1/receipt_service.ts';
import { RetentionServiceService } from '#proto/parley/v1/retention_service.ts';
import { ThreadServiceService } from '#proto/parley/v1/thread_service.ts';
import type { Path, RequestOf, ResponseOf, Services } from '../core/methods.ts';

/** To bytes and back, for one call. */
export interface Codec<P extends Path> {
  requestSerialize(request: RequestOf<P>): Buffer;
  responseDeserialize(bytes: Buffer): ResponseOf<P>;
}

const services: Services = {
  ChannelService: ChannelServiceService,
  DeviceService: DeviceServiceService,
  GroupService: GroupServiceService,
  HistoryService: HistoryServiceService,
  MessageService: MessageServiceService,
  PeopleService: PeopleServiceService,
  PresenceService: PresenceServiceService,
  ReceiptService: ReceiptServiceService,
  RetentionService: RetentionServiceService,
  ThreadService: ThreadServiceService,
};

const codecs: ReadonlyMap<string, unknown> = new Map(
  Object.values(services).flatMap((service: Record<string, { path: string }>) =>
    Object.values(service).map((method) => [method.path, method] as const),
  ),
);

/** The codec of a path; every path of `Path` has one. */
export function codecOf<P extends Path>(path: P): Codec<P> {
  return codecs.get(path) as Codec<P>;
}
