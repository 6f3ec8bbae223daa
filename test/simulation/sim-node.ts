import { Access } from '../../server/chat/access.ts';
import { Appender } from '../../server/chat/appender.ts';
import { Company } from '../../server/chat/company.ts';
import { makeChat } from '../../server/chat/chat.ts';
import { Limits, type LimitsConfig } from '../../server/chat/limits.ts';
import { CachedPolicy } from '../../server/chat/policy.ts';
import { makeRetention } from '../../server/chat/retention/make.ts';
import { SendMessage } from '../../server/chat/send-message.ts';
import type { Clock } from '../../server/core/clock.ts';
import { MemoryCommentLog } from '../../server/comments/memory.ts';
import { ChannelHub } from '../../server/delivery/channels/channel-hub.ts';
import type { DeliveryContext } from '../../server/delivery/context.ts';
import { RetentionRules } from '../../server/core/retention.ts';
import { Flusher } from '../../server/delivery/flusher.ts';
import { goodbyeOf } from '../../server/delivery/goodbyes.ts';
import { GroupReceipts } from '../../server/delivery/group-receipts.ts';
import { HeadCheck } from '../../server/delivery/head-check.ts';
import { Hub } from '../../server/delivery/hub.ts';
import { Publisher } from '../../server/delivery/publisher.ts';
import { ReceiptFrames } from '../../server/delivery/receipt-frames.ts';
import { Receipts } from '../../server/delivery/receipts.ts';
import { ResumeTokens } from '../../server/delivery/resume-token.ts';
import { Sessions } from '../../server/delivery/sessions.ts';
import { ThreadViews } from '../../server/delivery/thread-views.ts';
import { makeFrameEncoder } from '../../server/rpc/frame-encoder.ts';
import type { FrameServices } from '../../server/rpc/stream-frames.ts';
import type { Store } from '../../server/store/store.ts';
import { type BusCore, SimBus } from './sim-bus.ts';
import { SimRegistry, type RegistryCore } from './sim-registry.ts';
import { SimStore } from './sim-store.ts';
import { StoreWire } from './store-wire.ts';
import type { Tables } from './tables.ts';
import type { Weather } from './weather.ts';
import { clockOf, type Life, type World } from './world.ts';
import { unaryHandlers, type UnaryHandlers } from './unary.ts';

/** Nobody is held up by limits here. */
const boundless: LimitsConfig = {
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

/** Small, so that a few messages fill a window and a few missed ones are left out of a backfill. */
const sessionLimits = {
  windowEntries: 12,
  windowBytes: 64 * 1_024,
  contentBytes: 65_536,
  backfillEntries: 10,
  framesInFlight: 64,
};

const resumeKey = Buffer.alloc(32, 3);
const pageTokenKey = Buffer.alloc(32, 7);
const keptViews = 1_000;

/** What may be put in the place of a node's parts, to see that its lack is found. */
export interface Seams {
  readonly store?: (store: Store) => Store;
  readonly views?: (store: Store) => ThreadViews;
  /** False = nobody looks after what the bus loses. */
  readonly headCheck?: boolean;
}

export interface Shared {
  readonly world: World;
  readonly weather: Weather;
  readonly tables: Tables;
  readonly bus: BusCore;
  readonly registry: RegistryCore;
  readonly seams: Seams;
  /** Something was thrown that is no refusal: a bug. */
  readonly report: (cause: unknown) => string;
}

/** One life of a node, put together as server/app.ts does it, on what is simulated. */
export class SimNode {
  readonly life: Life;
  readonly clock: Clock;
  readonly bus: SimBus;
  readonly store: Store;
  readonly delivery: DeliveryContext;
  readonly sessions: Sessions;
  readonly services: FrameServices;
  readonly handlers: UnaryHandlers;
  /** Called when it dies: what hangs on it breaks. */
  readonly onDeath = new Set<() => void>();
  #writesLeft = Infinity;
  readonly #shared: Shared;

  constructor(name: string, skewMs: number, shared: Shared) {
    const { world, weather, tables, seams, report } = shared;
    this.#shared = shared;
    const life: Life = { name, alive: true };
    const random = world.random.fork();
    const clock = clockOf(world, life, skewMs, random);
    const wire = new StoreWire({ world, life, weather, random, onWrite: () => this.#wrote() });
    const whole = new SimStore(name, tables, wire);
    const store = seams.store?.(whole) ?? whole;
    const bus = new SimBus({ core: shared.bus, world, life, weather, random });
    const registry = new SimRegistry(shared.registry, world, life);
    const views = seams.views?.(store) ?? new ThreadViews(store, keptViews);
    const hub = new Hub(bus, views, clock);
    const check = seams.headCheck === false ? undefined : new HeadCheck({ bus, hub, store, registry, clock });
    const access = new Access({ store, threads: views });
    const limits = new Limits(boundless, clock);
    const policy = new CachedPolicy({ store, access, limits, clock }, keptViews);
    const publisher = new Publisher({
      bus,
      clock,
      onFailed: () => undefined,
      onOverflow: () => void check?.publishAll(),
    });
    const receipts = new Receipts(store, publisher, views, policy, clock, keptViews * 2);
    const appender = new Appender(store, publisher, views, clock, { company: new Company(clock) });
    // Everything is kept: what a node does for retention is not set off.
    const retention = makeRetention({
      store,
      views,
      rules: new RetentionRules({ mode: 'keep', durationS: 0 }, 0),
      devices: { awaited: () => Promise.resolve([]) },
      clock,
      remembered: 100,
      onErased: () => undefined,
      onFailed: () => undefined,
    });
    const sendMessage = new SendMessage(appender, receipts, policy);
    const comments = new MemoryCommentLog({ bus, clock });
    const chat = makeChat({
      store,
      registry,
      views,
      receipts,
      access,
      appender,
      policy,
      limits,
      sendMessage,
      clock,
      bus,
      comments,
      channels: { firstUse: undefined, gatherMs: 20, remembered: 100 },
      retention,
      pageTokenKey,
      memberCap: 1_000,
      editWithinMs: Infinity,
      deleteWithinMs: Infinity,
      deviceExpiryDays: 30,
      devicesRemembered: 100,
    });
    this.life = life;
    this.clock = clock;
    this.bus = bus;
    this.store = store;
    this.sessions = new Sessions(clock, registry, { connectsPerS: 1e6, sessionsPerUser: 100 }, () => undefined);
    const encode = makeFrameEncoder();
    const soon = (run: () => void): void => void clock.after(0, run);
    const directory = chat.channels;
    this.delivery = {
      store,
      bus,
      registry,
      views,
      hub,
      channels: new ChannelHub({
        bus,
        log: comments,
        directory,
        clock,
        encode,
        maxTickMs: 100,
        maxListeners: 100,
      }),
      receipts,
      groupReceipts: new GroupReceipts(store, hub, views, policy, clock),
      receiptFrames: new ReceiptFrames(store, views, policy),
      policy,
      retention: retention.rules,
      clock,
      flusher: new Flusher(soon, () => clock.monotonicMs()),
      encode,
      limits: sessionLimits,
      resumeTokens: new ResumeTokens(resumeKey),
      goodbyeOf,
    };
    this.services = {
      sendMessage,
      channels: chat.channels,
      devices: chat.devices,
      limits,
      verify: () => Promise.reject(new Error('tokens are not renewed in a simulation')),
      report,
      observeFrame: () => undefined,
    };
    this.handlers = unaryHandlers(chat);
  }

  /** Dies once it has written so many times more: after the last of them, before its answer. */
  dieAfterWrites(count: number): void {
    this.#writesLeft = count;
  }

  /** All its memory is lost, and what it waited for never comes. */
  die(): void {
    if (!this.life.alive) return;
    const { world, registry } = this.#shared;
    world.note(`${this.life.name} dies`);
    this.life.alive = false;
    this.bus.end();
    registry.expire(world, this.life);
    for (const onDeath of [...this.onDeath]) onDeath();
    this.onDeath.clear();
  }

  #wrote(): void {
    this.#writesLeft -= 1;
    if (this.#writesLeft <= 0) this.die();
  }
}
