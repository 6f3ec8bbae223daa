import type { Bus } from '../bus/bus.ts';
import type { CommentLog } from '../comments/comment-log.ts';
import type { Clock } from '../core/clock.ts';
import type { ChannelRow } from '../core/entry.ts';
import type { UserId } from '../core/ids.ts';
import type { Receipts } from '../delivery/receipts.ts';
import type { ThreadViews } from '../delivery/thread-views.ts';
import type { NotifyQueue } from '../notify/queue.ts';
import type { Registry } from '../presence/registry.ts';
import type { Store } from '../store/store.ts';
import type { Access } from './access.ts';
import { Account } from './account.ts';
import type { Appender } from './appender.ts';
import { ChannelViews } from './channel-views.ts';
import { Channels } from './channels.ts';
import { CommentPublisher } from './comment-publisher.ts';
import { Devices } from './devices.ts';
import { EraseUser } from './erase-user.ts';
import { Groups } from './groups.ts';
import { Heads } from './heads.ts';
import { History } from './history.ts';
import type { Limits } from './limits.ts';
import { MessagePages } from './message-pages.ts';
import { Messages } from './messages.ts';
import { OpenThread } from './open-thread.ts';
import { PageTokens } from './page-token.ts';
import { People } from './people.ts';
import { Pointers } from './pointers.ts';
import type { CachedPolicy } from './policy.ts';
import { Positions } from './positions.ts';
import { Presences } from './presences.ts';
import { Profiles } from './profiles.ts';
import type { RetentionParts } from './retention/make.ts';
import { Retention } from './retention/retention.ts';
import type { SendMessage } from './send-message.ts';
import { ThreadList } from './thread-list.ts';
import { Threads } from './threads.ts';

/** The use cases of a node: what unary calls ask for. */
export interface Chat {
  readonly account: Account;
  readonly channels: Channels;
  readonly devices: Devices;
  readonly eraseUser: EraseUser;
  readonly groups: Groups;
  readonly history: History;
  readonly messagePages: MessagePages;
  readonly messages: Messages;
  readonly openThread: OpenThread;
  readonly people: People;
  readonly positions: Positions;
  readonly presences: Presences;
  readonly profiles: Profiles;
  readonly retention: Retention;
  readonly sendMessage: SendMessage;
  readonly threadList: ThreadList;
  readonly threads: Threads;
}

export interface ChatOptions {
  readonly store: Store;
  readonly registry: Registry;
  readonly views: ThreadViews;
  readonly receipts: Receipts;
  readonly access: Access;
  readonly appender: Appender;
  readonly policy: CachedPolicy;
  readonly limits: Limits;
  readonly sendMessage: SendMessage;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly comments: CommentLog;
  readonly channels: ChannelRules;
  readonly retention: RetentionParts;
  /** Of who is to be notified; undefined: nobody is. */
  readonly queue?: NotifyQueue | undefined;
  /** Key of page tokens, the same on every node: `store.secret('page-token', …)` of 32 bytes. */
  readonly pageTokenKey: Uint8Array;
  /** Members that a group may have. */
  readonly memberCap: number;
  /** How long authors may edit and delete, in ms; Infinity = for good. */
  readonly editWithinMs: number;
  readonly deleteWithinMs: number;
  /** Days after which a device that was not seen counts no more. */
  readonly deviceExpiryDays: number;
  /** Devices of which it is remembered whether they were removed. */
  readonly devicesRemembered: number;
}

export interface ChannelRules {
  /** What holds for a channel that first use makes; undefined: first use makes none. */
  readonly firstUse: ChannelRow | undefined;
  /** Comments of a busy channel wait so long at most for others to be published with, ms. */
  readonly gatherMs: number;
  /** Channels, and users in them, of which it is remembered what holds. */
  readonly remembered: number;
}

/** Puts the use cases together over what the node shares with its sessions. */
export function makeChat(options: ChatOptions): Chat {
  const { store, registry, views, receipts, access, appender, policy, limits, sendMessage, clock } = options;
  const { memberCap, editWithinMs, deleteWithinMs, bus, comments, channels, queue } = options;
  const tokens = new PageTokens(options.pageTokenKey);
  const heads = new Heads(store);
  const pointers = new Pointers({ store, appender });
  const profiles = new Profiles({ store, appender });
  const presences = new Presences({ store, registry, access, clock });
  const { rules, held, erasing } = options.retention;
  const threads = new Threads({ store, access, heads, appender, rules });
  const { deviceExpiryDays: expiryDays, devicesRemembered: remembered } = options;
  const onRemoved = (userId: UserId): void => erasing.deviceGone(userId);
  const devices = new Devices({ store, appender, tokens, clock, expiryDays, remembered, onRemoved });
  const groups = new Groups({ store, views, appender, pointers, receipts, memberCap });
  return {
    channels: new Channels({
      store,
      bus,
      log: comments,
      publisher: new CommentPublisher(comments, clock, channels.gatherMs),
      views: new ChannelViews(store, clock, channels.remembered),
      appender,
      limits,
      tokens,
      clock,
      firstUse: channels.firstUse,
    }),
    account: new Account({ store, appender, tokens, onChange: () => policy.forget() }),
    devices,
    eraseUser: new EraseUser({
      store,
      registry,
      appender,
      devices,
      groups,
      queue,
      clock,
      onChange: () => policy.forget(),
    }),
    groups,
    history: new History({ store, access, heads }),
    messagePages: new MessagePages({ store, access, heads, tokens }),
    messages: new Messages({ store, access, appender, clock, editWithinMs, deleteWithinMs }),
    openThread: new OpenThread({ store, views, access, appender, pointers, limits, memberCap }),
    people: new People({ store, views, access, profiles, presences, tokens }),
    positions: new Positions({ store, views, access, receipts, tokens }),
    presences,
    profiles,
    retention: new Retention({ store, access, appender, tokens, rules, held }),
    sendMessage,
    threadList: new ThreadList({ store, access, heads, threads, tokens, clock }),
    threads,
  };
}
