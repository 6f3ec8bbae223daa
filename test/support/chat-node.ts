// The use cases of one node over the real embedded store in a folder of its own, without gRPC and without sessions. Time
// stands still until a test turns it.
import { MemoryCommentLog } from '../../server/comments/memory.ts';
import type { CommentLog } from '../../server/comments/comment-log.ts';
import type { Bus } from '../../server/bus/bus.ts';
import { MemoryBus } from '../../server/bus/memory.ts';
import { Access } from '../../server/chat/access.ts';
import { Appender, type AppenderOptions } from '../../server/chat/appender.ts';
import type { Caller } from '../../server/chat/caller.ts';
import { type ChannelRules, type Chat, makeChat } from '../../server/chat/chat.ts';
import { Limits, type LimitsConfig } from '../../server/chat/limits.ts';
import type { Erasing } from '../../server/chat/retention/erasing.ts';
import { makeRetention } from '../../server/chat/retention/make.ts';
import { CachedPolicy } from '../../server/chat/policy.ts';
import { SendMessage } from '../../server/chat/send-message.ts';
import type { Body } from '../../server/core/entry.ts';
import { Refusal } from '../../server/core/errors.ts';
import { type ThreadId, type UserId, noDevice } from '../../server/core/ids.ts';
import type { NotifyQueue } from '../../server/notify/queue.ts';
import { RetentionRules } from '../../server/core/retention.ts';
import { Publisher } from '../../server/delivery/publisher.ts';
import { Receipts } from '../../server/delivery/receipts.ts';
import { ThreadViews } from '../../server/delivery/thread-views.ts';
import { MemoryRegistry } from '../../server/presence/memory.ts';
import type { Registry } from '../../server/presence/registry.ts';
import type { Store } from '../../server/store/store.ts';
import { HandClock } from './clock.ts';
import { newTemporaryStore } from './temporary-store.ts';

const generous: LimitsConfig = {
  sendsPerS: 1e6,
  sendBurst: 1e6,
  opensPerS: 1e6,
  openBurst: 1e6,
  typingPerS: 1e6,
  typingBurst: 1e6,
  commentsPerS: 1e6,
  commentBurst: 1e6,
  channelCommentsPerS: 1e6,
  channelCommentBurst: 1e6,
  servicePerS: 1e6,
  serviceBurst: 1e6,
  users: 1_000,
};

export interface ChatNodeOptions {
  readonly limits?: Partial<LimitsConfig>;
  readonly memberCap?: number;
  readonly editWithinMs?: number;
  readonly deleteWithinMs?: number;
  /** Stands before the store, so that a test can have it fail where it wants. */
  readonly storeBehind?: (store: Store) => Store;
  readonly appender?: AppenderOptions;
  /** Default: nobody is notified. */
  readonly queue?: NotifyQueue;
  readonly channels?: Partial<ChannelRules>;
  /** Default: everything is kept. */
  readonly retention?: RetentionRules;
  /** What the node shares with others. Default: a store, a bus and a registry of its own. Whoever made it disposes it. */
  readonly shared?: SharedByNodes;
}

export interface SharedByNodes {
  readonly clock: HandClock;
  readonly store: Store;
  readonly bus: Bus;
  readonly registry: Registry;
  /** Default: in memory. */
  readonly comments?: CommentLog;
}

export interface ChatNode extends AsyncDisposable {
  readonly chat: Chat;
  readonly limits: Limits;
  readonly appender: Appender;
  readonly comments: CommentLog;
  readonly bus: Bus;
  readonly clock: HandClock;
  readonly store: Store;
  readonly registry: Registry;
  readonly access: Access;
  readonly policy: CachedPolicy;
  readonly views: ThreadViews;
  readonly receipts: Receipts;
  readonly publisher: Publisher;
  readonly erasing: Erasing;
  readonly retention: RetentionRules;
}

export async function openChatNode(options: ChatNodeOptions = {}): Promise<ChatNode> {
  const own = options.shared === undefined ? await openShared() : undefined;
  const { clock, bus, registry, ...shared } = options.shared ?? (own as SharedByNodes);
  const store = options.storeBehind?.(shared.store) ?? shared.store;
  const views = new ThreadViews(store, 1_000);
  const access = new Access({ store, threads: views });
  const limits = new Limits({ ...generous, ...options.limits }, clock);
  const policy = new CachedPolicy({ store, access, limits, clock }, 1_000);
  const publisher = new Publisher({ bus, clock, onFailed: () => undefined });
  const receipts = new Receipts(store, publisher, views, policy, clock, 1_000);
  const retention = makeRetention({
    store,
    views,
    rules: options.retention ?? new RetentionRules({ mode: 'keep', durationS: 0 }, 0),
    devices: { awaited: (userId) => chat.devices.awaited(userId) },
    clock,
    remembered: 1_000,
    onErased: () => undefined,
    onFailed: () => undefined,
  });
  receipts.listener = retention.erasing;
  const appender = new Appender(store, publisher, views, clock, { bodies: retention.erasing, ...options.appender });
  const comments = shared.comments ?? new MemoryCommentLog({ bus, clock });
  const chat: Chat = makeChat({
    store,
    registry,
    views,
    receipts,
    access,
    appender,
    policy,
    limits,
    sendMessage: new SendMessage(appender, receipts, policy),
    clock,
    bus,
    comments,
    channels: {
      firstUse: { closed: false, slowModeS: 0, historyCount: 100, historyS: 3_600 },
      gatherMs: 20,
      remembered: 1_000,
      ...options.channels,
    },
    retention,
    queue: options.queue,
    pageTokenKey: Buffer.alloc(32, 7),
    memberCap: options.memberCap ?? 1_000,
    editWithinMs: options.editWithinMs ?? Infinity,
    deleteWithinMs: options.deleteWithinMs ?? Infinity,
    deviceExpiryDays: 30,
    devicesRemembered: 1_000,
  });
  return {
    chat,
    limits,
    appender,
    comments,
    bus,
    clock,
    store,
    registry,
    access,
    policy,
    views,
    receipts,
    publisher,
    erasing: retention.erasing,
    retention: retention.rules,
    async [Symbol.asyncDispose]() {
      publisher[Symbol.dispose]();
      await receipts[Symbol.asyncDispose]();
      await retention.erasing[Symbol.asyncDispose]();
      await own?.[Symbol.asyncDispose]();
    },
  };
}

/** A node's own, in memory and in a folder that goes with it. */
async function openShared(): Promise<SharedByNodes & AsyncDisposable> {
  const clock = new HandClock();
  const kept = await newTemporaryStore({ clock });
  const { store } = kept;
  const bus = new MemoryBus();
  const registry = new MemoryRegistry({ clock, bus, store });
  return {
    clock,
    store,
    bus,
    registry,
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await kept[Symbol.asyncDispose]();
    },
  };
}

export function callerOf(name: string, more: Partial<Caller> = {}): Caller {
  return { userId: name as UserId, deviceId: noDevice, claims: {}, ...more };
}

/** An id that no other call of the test had. */
export class Ids {
  #count = 0;

  next(): string {
    this.#count += 1;
    return `id-${this.#count}`;
  }
}

/** A group of `owner` and others. */
export async function groupOf(
  { chat }: ChatNode,
  ids: Ids,
  owner: string,
  others: readonly string[] = [],
  historyForNewMembers = false,
): Promise<ThreadId> {
  const members = others as readonly UserId[];
  const request = { requestId: ids.next(), name: 'a group', members, historyForNewMembers };
  return chat.openThread.group(callerOf(owner), request);
}

/** Sends text, by who has seen what was there; gives its sequence. */
export async function post(
  node: ChatNode,
  ids: Ids,
  from: string,
  threadId: ThreadId,
  text: string,
  more: Partial<Body> = {},
): Promise<bigint> {
  const { sequence } = await node.chat.sendMessage.send(callerOf(from), {
    threadId,
    clientMessageId: ids.next(),
    knownHead: (await node.views.get(threadId))?.head.sequence ?? 0n,
    expectedSequence: undefined,
    replyTo: 0n,
    body: { content: { text }, mentions: [], attachments: [], ...more },
  });
  return sequence;
}

/** The reason that something is refused with. @throws when it is not */
export async function reasonOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Refusal) return error.reason;
    throw error;
  }
  return 'not refused';
}
