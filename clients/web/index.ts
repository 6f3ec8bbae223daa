// The package's door: everything that an application may import, apart from the React hooks (react/index.ts).
export { channelView } from './channel.ts';
export type { ChannelSnapshot, ChannelView } from './channel.ts';
export type { KeepOptions, ParleyOptions } from './options.ts';
export { openParley } from './parley.ts';
export type { Parley, StorageState, TabRole } from './parley.ts';
export { presenceView, profileView } from './people.ts';
export { threadView } from './thread.ts';
export type { ThreadSnapshot, ThreadView } from './thread.ts';
export { threadsView } from './threads.ts';
export type { ThreadRow, ThreadsSnapshot } from './threads.ts';
export type { View } from './view.ts';

// Of the core.
export { textOf } from '../core/fold.ts';
export type { Item } from '../core/fold.ts';
export { ParleyError } from '../core/errors.ts';
export { msOf } from '../core/times.ts';
export type { DeviceSaid } from '../core/calls-more.ts';
export type { ParleyClient, SendOptions } from '../core/client.ts';
export type { CloseReason, ConnectionState } from '../core/connection-state.ts';
export type { MessageBody } from '../core/content.ts';
export type { Draft } from '../core/draft.ts';
export type { ClientEvents } from '../core/events.ts';
export type { Ticks } from '../core/receipts.ts';
export type { GetToken } from '../core/tokens.ts';
export type { ChannelWish } from '../core/wishes.ts';

// Of the wire.
export type { Channel, Comment } from '#proto/parley/v1/channel_service.ts';
export type { Attachment, Content, Entry, Member, MemberRole } from '#proto/parley/v1/entry.ts';
export type { Presence, PresenceState } from '#proto/parley/v1/presence.ts';
export type { Message, Profile, ReactionCount, Thread, ThreadHead, ThreadSettings } from '#proto/parley/v1/thread.ts';
