// A process that does what a node does about notifications, on a store and a queue of the soak's, until it is killed. Says how the queue stands, a line
// at a time.
import { Badges } from '../../server/chat/notifications/badge.ts';
import { Looks } from '../../server/chat/notifications/looks.ts';
import { PushDevices } from '../../server/chat/notifications/push-devices.ts';
import { Pushes } from '../../server/chat/notifications/pushes.ts';
import { QuietTimes } from '../../server/chat/notifications/quiet-hours.ts';
import { Sender } from '../../server/chat/notifications/sender.ts';
import { Worker } from '../../server/chat/notifications/worker.ts';
import { MemoryBus } from '../../server/bus/memory.ts';
import { systemClock as clock } from '../../server/core/clock.ts';
import { ThreadViews } from '../../server/delivery/thread-views.ts';
import { RetentionRules } from '../../server/core/retention.ts';
import { EmbeddedQueue } from '../../server/notify/embedded.ts';
import { FcmNotifier } from '../../server/notify/fcm.ts';
import type { NotifyQueue } from '../../server/notify/queue.ts';
import { RedisQueue } from '../../server/notify/redis.ts';
import { MemoryRegistry } from '../../server/presence/memory.ts';
import type { RedisSettings } from '../../server/redis/settings.ts';
import { Shards } from '../../server/redis/shards.ts';
import { openEmbeddedStore } from '../../server/store/embedded/store.ts';
import { FakeFcmAgent, fakeAccount } from '../support/fake-fcm.ts';

export interface WorkerSettings {
  readonly id: string;
  readonly storeFolder: string;
  readonly queue: QueueSettings;
  readonly fcm: { readonly port: number; readonly ca: string };
}

export interface QueueSettings {
  readonly perS: number;
  readonly leaseMs: number;
  /** One of the two. */
  readonly folder?: string;
  readonly redis?: { readonly settings: RedisSettings; readonly prefix: string };
}

const sayEveryMs = 250;

export async function openSoakQueue(
  { perS, leaseMs, folder, redis }: QueueSettings,
  nodeId: string,
): Promise<NotifyQueue> {
  if (folder !== undefined) return EmbeddedQueue.open({ folder, clock, perS, leaseMs });
  if (redis === undefined) throw new Error('a folder or a Redis');
  const shards = new Shards({ settings: redis.settings, clock, name: 'soak' });
  await shards.ready();
  return new RedisQueue({ shards, nodeId, prefix: redis.prefix, perS, leaseMs });
}

async function work({ id, storeFolder, queue: of, fcm }: WorkerSettings): Promise<void> {
  const store = await openEmbeddedStore({ folder: storeFolder, clock });
  const queue = await openSoakQueue(of, id);
  const registry = new MemoryRegistry({ clock, bus: new MemoryBus(), store });
  const views = new ThreadViews(store, 50_000);
  const quiet = new QuietTimes();
  const devices = new PushDevices((userId) => store.devices(userId), clock);
  const retention = new RetentionRules({ mode: 'keep', durationS: 0 }, 0);
  const badges = new Badges(store, clock);
  const pushes = new Pushes({ store, views, queue, retention, devices, badges, quiet, clock, content: true });
  const notifier = new FcmNotifier({ account: fakeAccount, clock, agent: new FakeFcmAgent(fcm.port, fcm.ca) });
  const sender = new Sender({ queue, notifier, pushes, store, clock, onOutcome: () => undefined });
  const looks = new Looks({ store, registry, views, queue, devices, quiet, clock, groupMax: 500 });
  const onTrouble = (error: unknown): void => void process.stderr.write(`${String(error)}\n`);
  void new Worker({ queue, looks, sender, clock, onTrouble });
  for (;;) {
    process.stdout.write(`${JSON.stringify(await queue.counts())}\n`);
    await new Promise((resolve) => setTimeout(resolve, sayEveryMs));
  }
}

if (process.argv[2] !== undefined && import.meta.main) await work(JSON.parse(process.argv[2]) as WorkerSettings);
