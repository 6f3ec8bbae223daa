// The unary calls by name and type, taken from the generated services: types only, nothing of them is loaded.
import type { ChannelServiceService } from '#proto/parley/v1/channel_service.ts';
import type { DeviceServiceService } from '#proto/parley/v1/device_service.ts';
import type { GroupServiceService } from '#proto/parley/v1/group_service.ts';
import type { HistoryServiceService } from '#proto/parley/v1/history_service.ts';
import type { MessageServiceService } from '#proto/parley/v1/message_service.ts';
import type { PeopleServiceService } from '#proto/parley/v1/people_service.ts';
import type { PresenceServiceService } from '#proto/parley/v1/presence_service.ts';
import type { ReceiptServiceService } from '#proto/parley/v1/receipt_service.ts';
import type { RetentionServiceService } from '#proto/parley/v1/retention_service.ts';
import type { ThreadServiceService } from '#proto/parley/v1/thread_service.ts';

/** The services with unary calls, by name. */
export interface Services {
  ChannelService: ChannelServiceService;
  DeviceService: DeviceServiceService;
  GroupService: GroupServiceService;
  HistoryService: HistoryServiceService;
  MessageService: MessageServiceService;
  PeopleService: PeopleServiceService;
  PresenceService: PresenceServiceService;
  ReceiptService: ReceiptServiceService;
  RetentionService: RetentionServiceService;
  ThreadService: ThreadServiceService;
}

type PathsOf<S> = { [K in keyof S]: S[K] extends { path: infer P } ? P : never }[keyof S];
type MethodAt<S, P> = { [K in keyof S]: S[K] extends { path: P } ? S[K] : never }[keyof S];

/** A unary call, by its path on the wire: `/parley.v1.ThreadService/GetThread`. */
export type Path = { [S in keyof Services]: PathsOf<Services[S]> }[keyof Services];

type Method<P extends Path> = { [S in keyof Services]: MethodAt<Services[S], P> }[keyof Services];

/** What a call takes. */
export type RequestOf<P extends Path> = Method<P> extends { requestSerialize: (value: infer R) => unknown } ? R : never;

/** What it answers. */
export type ResponseOf<P extends Path> =
  Method<P> extends { responseDeserialize: (value: never) => infer R } ? R : never;
