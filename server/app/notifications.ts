import { join } from 'node:path';
import type { Devices } from '../chat/devices.ts';
import { Badges } from '../chat/notifications/badge.ts';
import { Looks } from '../chat/notifications/looks.ts';
import { Marks } from '../chat/notifications/marks.ts';
import { PushDevices } from '../chat/notifications/push-devices.ts';
import { Pushes } from '../chat/notifications/pushes.ts';
import { QuietTimes } from '../chat/notifications/quiet-hours.ts';
import { Sender } from '../chat/notifications/sender.ts';
import { Withdrawals } from '../chat/notifications/withdrawals.ts';
import { Worker } from '../chat/notifications/worker.ts';
import { ConfigError, type Config } from '../config.ts';
import type { Clock } from '../core/clock.ts';
import type { RetentionRules } from '../core/retention.ts';
import type { Receipts } from '../delivery/receipts.ts';
import type { ThreadViews } from '../delivery/thread-views.ts';
import { LogNotifier } from '../notify/log.ts';
import type { Notifier } from '../notify/notifier.ts';
import type { NotifyQueue } from '../notify/queue.ts';
import type { Registry } from '../presence/registry.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics, NotifyGauges } from '../telemetry/metrics.ts';

export interface NotificationParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface WorkerParts {
  readonly store: Store;
  readonly registry: Registry;
  readonly views: ThreadViews;
  readonly receipts: Receipts;
  readonly devices: Devices;
  readonly retention: RetentionRules;
}

export interface Notifications {
  readonly notifier: Notifier['name'];
  readonly queue: NotifyQueue;
  readonly marks: Marks;
  /** Begins to notify. Disposed when nothing is appended or read any more, and before the queue is, which it leaves open. */
  start(parts: WorkerParts): AsyncDisposable & { readonly gauges: NotifyGauges };
}

/** Undefined: nobody is notified. @throws ConfigError for what cannot be used */
export async function openNotifications(parts: NotificationParts): Promise<Notifications | undefined> {
  const { config, clock, log, metrics } = parts;
  if (config.PARLEY_NOTIFY === 'off') return undefined;
  const notifier = await notifierOf(parts);
  const queue = await openQueue(parts);
  const onLost = (): void =>
    log.error('more threads wait to be marked than are remembered: their devices are notified of the next message');
  const marks = new Marks(queue, clock, onLost);
  return {
    notifier: notifier.name,
    queue,
    marks,
    start({ store, registry, views, receipts, retention, devices: all }) {
      const quiet = new QuietTimes();
      const devices = new PushDevices((userId) => all.active(userId), clock);
      const badges = new Badges(store, clock);
      const { PARLEY_NOTIFY_GROUP_MAX: groupMax, PARLEY_NOTIFY_CONTENT: content } = config;
      const onTrouble = (error: unknown): void => log.warn({ err: error }, 'notifications: put off');
      const pushes = new Pushes({ store, views, queue, retention, devices, badges, quiet, clock, content });
      const sender = new Sender({
        queue,
        notifier,
        pushes,
        store,
        clock,
        onOutcome(outcome, why, { threadId: thread, tries }) {
          metrics.notification(outcome);
          if (outcome === 'dead') log.warn({ why, thread, tries }, 'a notification was given up');
          else if (outcome === 'retried') log.debug({ why, thread, tries }, 'a notification is tried again');
        },
      });
      const looks = new Looks({ store, registry, views, queue, devices, quiet, clock, groupMax });
      const worker = new Worker({ queue, looks, sender, clock, onTrouble });
      const withdrawals = new Withdrawals({ queue, devices, clock, onTrouble });
      receipts.onRead = (userId, threadId, read) => void withdrawals.read(userId, threadId, read);
      return {
        get gauges() {
          return { ...worker.counts, owed: marks.owed };
        },
        async [Symbol.asyncDispose]() {
          await Promise.all([marks[Symbol.asyncDispose](), withdrawals[Symbol.asyncDispose]()]);
          if (marks.owed > 0) log.error({ threads: marks.owed }, 'marks that the queue did not take are lost');
          await worker[Symbol.asyncDispose]();
          await notifier[Symbol.asyncDispose]();
        },
      };
    },
  };
}

async function openQueue({ config, clock, log }: NotificationParts): Promise<NotifyQueue> {
  const { PARLEY_NOTIFY_PER_S: perS, PARLEY_NODE_ID: nodeId, PARLEY_REDIS_PREFIX: prefix } = config;
  if (config.PARLEY_REDIS === '') {
    const { EmbeddedQueue } = await import('../notify/embedded.ts');
    return EmbeddedQueue.open({ folder: join(config.PARLEY_DATA, 'notify'), clock, perS });
  }
  // Loaded when they are needed: a lone node starts sooner without.
  const [{ onceAMinute, redisOf }, { Shards }, { RedisQueue }] = await Promise.all([
    import('./live-redis.ts'),
    import('../redis/shards.ts'),
    import('../notify/redis.ts'),
  ]);
  const onProblem = onceAMinute(clock, (problem) => log.warn({ err: problem }, 'Redis'));
  const shards = new Shards({ settings: redisOf(config), clock, name: 'parley-notify', onProblem });
  return new RedisQueue({ shards, nodeId, prefix, perS, onProblem });
}

async function notifierOf({ config, clock, log }: NotificationParts): Promise<Notifier> {
  const { PARLEY_FCM_CREDENTIALS: credentials, PARLEY_NOTIFY_WEBHOOK_URL: url } = config;
  if (credentials !== '') {
    // Loaded where it is used: it is large.
    const { FcmNotifier } = await import('../notify/fcm.ts');
    const onUnauthorized = (why: string): void => log.error({ why }, "FCM does not take this deployment's credentials");
    let account: object;
    try {
      account = JSON.parse(credentials) as object;
    } catch {
      // What the parser says quotes it.
      throw new ConfigError('PARLEY_FCM_CREDENTIALS: not JSON');
    }
    try {
      return new FcmNotifier({ account, clock, onUnauthorized });
    } catch (error) {
      throw new ConfigError(`PARLEY_FCM_CREDENTIALS: ${(error as Error).message}`, { cause: error });
    }
  }
  if (url !== '') {
    if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
      throw new ConfigError('PARLEY_NOTIFY_WEBHOOK_URL: must be an http(s) URL');
    }
    const { username, password } = new URL(url);
    if (username !== '' || password !== '') {
      throw new ConfigError(
        'PARLEY_NOTIFY_WEBHOOK_URL: must be without a user and password; PARLEY_NOTIFY_WEBHOOK_SECRET signs',
      );
    }
    const { WebhookNotifier } = await import('../notify/webhook.ts');
    return new WebhookNotifier({ url, secret: config.PARLEY_NOTIFY_WEBHOOK_SECRET, clock });
  }
  log.warn(
    'notifications are only logged: neither PARLEY_FCM_CREDENTIALS nor PARLEY_NOTIFY_WEBHOOK_URL is set (PARLEY_NOTIFY=off does without)',
  );
  return new LogNotifier(log);
}
