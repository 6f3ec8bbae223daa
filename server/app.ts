import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { openLive } from './app/live.ts';
import { openNotifications } from './app/notifications.ts';
import { openStore } from './app/store.ts';
import { openKeySource } from './auth/jwks.ts';
import { Verifier } from './auth/verifier.ts';
import { Access } from './chat/access.ts';
import { Appender } from './chat/appender.ts';
import { Company } from './chat/company.ts';
import { makeChat } from './chat/chat.ts';
import { Limits } from './chat/limits.ts';
import { CachedPolicy } from './chat/policy.ts';
import { SendMessage } from './chat/send-message.ts';
import { makeRetention } from './chat/retention/make.ts';
import { addressOf, type Config, retentionOf } from './config.ts';
import { pause, systemClock, type Clock } from './core/clock.ts';
import type { ChannelRow } from './core/entry.ts';
import { ChannelHub } from './delivery/channels/channel-hub.ts';
import type { DeliveryContext } from './delivery/context.ts';
import { Flusher } from './delivery/flusher.ts';
import type { SessionLimits } from './delivery/frames.ts';
import { goodbyeOf } from './delivery/goodbyes.ts';
import { GroupReceipts } from './delivery/group-receipts.ts';
import { HeadCheck } from './delivery/head-check.ts';
import { Hub } from './delivery/hub.ts';
import { Publisher } from './delivery/publisher.ts';
import { ReceiptFrames } from './delivery/receipt-frames.ts';
import { Receipts } from './delivery/receipts.ts';
import { ResumeTokens } from './delivery/resume-token.ts';
import { Sessions } from './delivery/sessions.ts';
import { ThreadViews } from './delivery/thread-views.ts';
import { makeFrameEncoder } from './rpc/frame-encoder.ts';
import { RpcServer } from './rpc/server.ts';
import { Submits } from './rpc/submits.ts';
import { makeLog } from './telemetry/log.ts';
import { Metrics, serveMetrics } from './telemetry/metrics.ts';

const sessionLimits: SessionLimits = {
  windowEntries: 256,
  windowBytes: 256 * 1_024,
  contentBytes: 65_536,
  backfillEntries: 64,
  framesInFlight: 256,
};

/** A running node. */
export interface App {
  /** host:port of the public gRPC. */
  readonly grpc: string;
  /** host:port for other services; empty when there is none. */
  readonly services: string;
  /** host:port of the web app; empty when it is not served. */
  readonly web: string;
  /** host:port of metrics; empty when there are none. */
  readonly metrics: string;
  /** Hands its streams over and stops: takes the configured time at most, and a little. */
  stop(): Promise<void>;
}

/** The composition root: the only place that names implementations. */
export async function startApp(config: Config, clock: Clock = systemClock): Promise<App> {
  const log = makeLog({ file: config.PARLEY_LOG_FILE, level: config.PARLEY_LOG_LEVEL, node: config.PARLEY_NODE_ID });
  const keys = await openKeySource(config.PARLEY_JWKS, {
    clock,
    keepFile: join(config.PARLEY_DATA, 'jwks-last-good.json'),
  });
  const verifier = new Verifier({
    keys,
    issuer: config.PARLEY_JWT_ISSUER,
    audience: config.PARLEY_JWT_AUDIENCE,
    algorithms: config.PARLEY_JWT_ALGORITHMS.split(','),
    clock,
  });
  const metrics = new Metrics();
  // Told from the first second on, since a node may wait long for what it stands on.
  let readiness = (): { ready: boolean; why: string } => ({ ready: false, why: 'starting' });
  const http =
    config.PARLEY_METRICS_LISTEN === ''
      ? undefined
      : await serveMetrics(metrics, addressOf(config.PARLEY_METRICS_LISTEN, 'PARLEY_METRICS_LISTEN'), () =>
          readiness(),
        );
  const onWaiting = (why: string): void => {
    readiness = () => ({ ready: false, why });
  };
  const store = await openStore(config, clock, log, onWaiting);
  const { bus, comments, registry, shared } = await openLive(config, clock, log, store, onWaiting);
  const views = new ThreadViews(store, config.PARLEY_VIEWS);
  const hub = new Hub(bus, views, clock, config.PARLEY_FANOUT_TICK_MS);
  const access = new Access({ store, threads: views });
  const limits = new Limits(limitsOf(config), clock);
  const policy = new CachedPolicy({ store, access, limits, clock }, config.PARLEY_VIEWS);
  const publisher = new Publisher({
    bus,
    clock,
    onFailed: (topic, error, isFirst) => {
      metrics.publishFailed();
      if (isFirst)
        log.warn({ err: error, kind: topic.split(':')[0] }, 'events cannot be published: they are told later');
    },
    onPaid: () => log.info('what could not be published was told'),
    onOverflow: () => void headCheck?.publishAll(),
  });
  const headCheck = shared && new HeadCheck({ bus, hub, store, registry, clock });
  const receipts = new Receipts(store, publisher, views, policy, clock, config.PARLEY_VIEWS * 2);
  const pageTokenKey = await store.secret('page-token', () => randomBytes(32));
  const resumeKey = await store.secret('resume-token', () => randomBytes(32));

  const sessions = new Sessions(
    clock,
    registry,
    { connectsPerS: config.PARLEY_LIMIT_CONNECTS_PER_S, sessionsPerUser: config.PARLEY_LIMIT_SESSIONS_PER_USER },
    ({ identity }, { reason }) => {
      metrics.sessionEnded(reason);
      log.debug({ session: identity.sessionId, reason }, 'session ended');
    },
    () => log.debug('a stream is let in'),
  );
  // What several nodes need is loaded where there are several.
  const between = shared && (await import('./app/nodes.ts'));
  const others = shared && between?.reachOtherNodes({ config, clock, log, metrics, directory: shared });
  const retention = makeRetention({
    store,
    views,
    rules: retentionOf(config),
    devices: { awaited: (userId) => chat.devices.awaited(userId) },
    clock,
    remembered: config.PARLEY_VIEWS,
    onErased: (messages) => metrics.erased(messages),
    onFailed: (error) => log.warn({ err: error }, 'bodies that are due were not erased: it is tried again'),
  });
  receipts.listener = retention.erasing;
  const notifications = await openNotifications({ config, clock, log, metrics });
  const appender = new Appender(store, publisher, views, clock, {
    bodies: retention.erasing,
    router: others?.router,
    company: new Company(clock),
    marks: notifications?.marks,
    onConflict: () => metrics.appendConflicted(),
    onCommit: (entries, tookMs) => metrics.committed(entries, tookMs),
  });
  const sendMessage = new SendMessage(appender, receipts, policy);

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
    channels: {
      firstUse: config.PARLEY_CHANNELS === 'first-use' ? newChannelOf(config) : undefined,
      gatherMs: config.PARLEY_FANOUT_TICK_MS / 5,
      remembered: config.PARLEY_VIEWS,
    },
    retention,
    queue: notifications?.queue,
    pageTokenKey,
    memberCap: config.PARLEY_MEMBER_CAP,
    editWithinMs: windowMs(config.PARLEY_EDIT_WINDOW_S),
    deleteWithinMs: windowMs(config.PARLEY_DELETE_WINDOW_S),
    deviceExpiryDays: config.PARLEY_DEVICE_EXPIRY_DAYS,
    devicesRemembered: config.PARLEY_VIEWS,
  });

  // Before anything is appended: what a node that was killed has left to do.
  void retention.erasing.start();
  const notifying = notifications?.start({
    store,
    registry,
    views,
    receipts,
    retention: retention.rules,
    devices: chat.devices,
  });

  const encode = makeFrameEncoder();
  const channels = new ChannelHub({
    bus,
    log: comments,
    directory: chat.channels,
    clock,
    encode,
    maxTickMs: config.PARLEY_FANOUT_TICK_MS,
    maxListeners: config.PARLEY_CHANNEL_LISTENERS,
  });
  const delivery: DeliveryContext = {
    store,
    bus,
    registry,
    views,
    hub,
    channels,
    receipts,
    groupReceipts: new GroupReceipts(store, hub, views, policy, clock),
    receiptFrames: new ReceiptFrames(store, views, policy),
    policy,
    retention: retention.rules,
    clock,
    flusher: new Flusher(setImmediate, () => clock.monotonicMs()),
    encode,
    limits: sessionLimits,
    resumeTokens: new ResumeTokens(resumeKey),
    goodbyeOf,
  };
  const submits = new Submits();
  const rpc = new RpcServer({
    nodeId: config.PARLEY_NODE_ID,
    log,
    metrics,
    verifier,
    delivery,
    sessions,
    limits,
    chat,
    sink: config.PARLEY_STREAM_SINK,
    submits,
    submitElsewhere: others?.submit,
  });
  const nodes = await between?.startNodeServer({ config, clock, log, metrics, sessions, submits, sendMessage });
  // Loaded where there is one.
  const startServices = config.PARLEY_SERVICE_LISTEN === '' ? undefined : await import('./app/services.ts');
  const services = await startServices?.startServicePort({
    config,
    clock,
    log,
    metrics,
    keys,
    verifier,
    limits,
    chat,
    store,
    bus,
    comments,
    appender,
    notifications,
    pageTokenKey,
    usualChannel: newChannelOf(config),
  });
  const webPort = config.PARLEY_WEB_LISTEN === '' ? undefined : await import('./app/web.ts');
  const web = await webPort?.startWebPort(config);
  const grpc = await rpc.listen(config.PARLEY_LISTEN);
  metrics.watch({
    sessions: () => sessions.size,
    topics: () => hub.topics,
    writable: () => store.health().writable,
    owed: () => publisher.owed,
    untold: () => shared?.due ?? 0,
    notify: () => notifying?.gauges ?? { looks: 0, waiting: 0, dead: 0, owed: 0 },
  });
  readiness = () => {
    const health = store.health();
    return { ready: health.writable, why: health.writable ? 'ready' : health.why };
  };
  log.info({ grpc, services: services?.address, web: web?.address, metrics: http?.address }, 'the node is ready');

  return {
    grpc,
    services: services?.address ?? '',
    web: web?.address ?? '',
    metrics: http?.address ?? '',
    async stop() {
      log.info({ sessions: sessions.size }, 'draining');
      readiness = () => ({ ready: false, why: 'draining' });
      rpc.setServing(false);
      nodes?.leave();
      services?.leave();
      // Who is told to move before gateways have noticed is sent back here.
      if (nodes !== undefined) await pause(clock, config.PARLEY_DRAIN_NOTICE_S * 1_000);
      await sessions.drain(Math.min(2_000, config.PARLEY_DRAIN_S * 200), config.PARLEY_DRAIN_S * 1_000);
      await Promise.all([rpc.stop(), services?.stop()]);
      sessions.close();
      await receipts[Symbol.asyncDispose]();
      await notifying?.[Symbol.asyncDispose]();
      await retention.erasing[Symbol.asyncDispose]();
      await notifications?.queue[Symbol.asyncDispose]();
      publisher[Symbol.dispose]();
      channels[Symbol.dispose]();
      headCheck?.[Symbol.dispose]();
      nodes?.stop();
      others?.[Symbol.dispose]();
      await registry[Symbol.asyncDispose]();
      await comments[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await web?.close();
      await http?.close();
      log.info('stopped');
    },
  };
}

/** What holds for a channel that nobody has set up. */
function newChannelOf(config: Config): ChannelRow {
  return {
    closed: false,
    slowModeS: 0,
    historyCount: config.PARLEY_CHANNEL_HISTORY,
    historyS: config.PARLEY_CHANNEL_HISTORY_S,
  };
}

/** A setting of 0 s stands for "for ever". */
function windowMs(seconds: number): number {
  return seconds === 0 ? Infinity : seconds * 1_000;
}

function limitsOf(config: Config): ConstructorParameters<typeof Limits>[0] {
  return {
    sendsPerS: config.PARLEY_LIMIT_SENDS_PER_S,
    sendBurst: config.PARLEY_LIMIT_SENDS_BURST,
    opensPerS: config.PARLEY_LIMIT_OPENS_PER_S,
    openBurst: config.PARLEY_LIMIT_OPENS_BURST,
    typingPerS: config.PARLEY_LIMIT_TYPING_PER_S,
    typingBurst: config.PARLEY_LIMIT_TYPING_PER_S * 5,
    commentsPerS: config.PARLEY_LIMIT_COMMENTS_PER_S,
    commentBurst: config.PARLEY_LIMIT_COMMENTS_PER_S * 5,
    channelCommentsPerS: config.PARLEY_LIMIT_CHANNEL_COMMENTS_PER_S,
    channelCommentBurst: config.PARLEY_LIMIT_CHANNEL_COMMENTS_PER_S,
    servicePerS: config.PARLEY_LIMIT_SERVICE_PER_S,
    serviceBurst: config.PARLEY_LIMIT_SERVICE_PER_S * 2,
    users: 100_000,
  };
}
