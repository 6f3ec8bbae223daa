// One node with a queue of notifications and a push service that writes down what it is given. Time is turned by hand, and jobs are done when they are due.
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { Badges } from '../../server/chat/notifications/badge.ts';
import { Looks } from '../../server/chat/notifications/looks.ts';
import { Marks } from '../../server/chat/notifications/marks.ts';
import { PushDevices } from '../../server/chat/notifications/push-devices.ts';
import { Pushes } from '../../server/chat/notifications/pushes.ts';
import { QuietTimes } from '../../server/chat/notifications/quiet-hours.ts';
import { Sender } from '../../server/chat/notifications/sender.ts';
import { Withdrawals } from '../../server/chat/notifications/withdrawals.ts';
import type { Body } from '../../server/core/entry.ts';
import type { DeviceId, SessionId, ThreadId, UserId } from '../../server/core/ids.ts';
import { RetentionRules } from '../../server/core/retention.ts';
import { EmbeddedQueue } from '../../server/notify/embedded.ts';
import type { Notification, Verdict } from '../../server/notify/notifier.ts';
import type { NotifyQueue } from '../../server/notify/queue.ts';
import type { RegistrySession } from '../../server/presence/registry.ts';
import { type ChatNode, callerOf, Ids, openChatNode, post, type SharedByNodes } from './chat-node.ts';
import { HandClock } from './clock.ts';
import { MemoryBus } from '../../server/bus/memory.ts';
import { MemoryRegistry } from '../../server/presence/memory.ts';
import { newTemporaryStore } from './temporary-store.ts';

export interface NotifyScene extends AsyncDisposable {
  readonly node: ChatNode;
  readonly ids: Ids;
  readonly clock: HandClock;
  readonly queue: NotifyQueue;
  readonly marks: Marks;
  readonly sent: Notification[];
  /** What the push service says next; default `sent`. */
  answer: (notification: Notification) => Verdict;
  readonly outcomes: string[];
  /** Lets time pass; jobs are done as they become due. */
  pass(ms: number): Promise<void>;
  /** A device that can be notified, which was never there. */
  device(user: string, device: string, more?: { readonly locale?: string }): Promise<void>;
  /** A live session of a user's. */
  live(user: string, device: string): Promise<RegistrySession>;
  leave(session: RegistrySession): Promise<void>;
  acknowledge(user: string, device: string, threadId: ThreadId, sequence: bigint): Promise<void>;
  read(user: string, threadId: ThreadId, sequence: bigint): Promise<void>;
  /** Gives the sequence. */
  say(from: string, threadId: ThreadId, text: string, more?: Partial<Body>): Promise<bigint>;
  direct(one: string, other: string): Promise<ThreadId>;
  /** "kind user/device sequence" of what was sent, and forgets it. */
  take(): string[];
}

export interface SceneOptions {
  readonly groupMax?: number;
  readonly content?: boolean;
  /** Default: everything is kept. */
  readonly retention?: RetentionRules;
  readonly nowMs?: number;
  /** In front of the queue, for what marks. */
  readonly queueOfMarks?: (queue: NotifyQueue) => NotifyQueue;
  /** And for what looks. */
  readonly queueOfLooks?: (queue: NotifyQueue) => NotifyQueue;
}

export async function openNotifyScene(options: SceneOptions = {}): Promise<NotifyScene> {
  const clock = new HandClock(options.nowMs);
  const kept = await newTemporaryStore({ clock });
  const { store } = kept;
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-notify-'));
  const queue = await EmbeddedQueue.open({ folder, clock });
  const bus = new MemoryBus();
  const registry = new MemoryRegistry({ clock, bus, store });
  const shared: SharedByNodes = { clock, store, bus, registry };
  const marks = new Marks(options.queueOfMarks?.(queue) ?? queue, clock);
  const everything = new RetentionRules({ mode: 'keep', durationS: 0 }, 0);
  const node = await openChatNode({ shared, appender: { marks }, queue, retention: options.retention ?? everything });
  const ids = new Ids();
  const sent: Notification[] = [];
  const outcomes: string[] = [];
  const quiet = new QuietTimes();
  const devices = new PushDevices((user) => node.chat.devices.active(user), clock);
  const { views } = node;
  const badges = new Badges(store, clock);
  const pushes = new Pushes({
    ...{ store, views, queue, devices, badges, quiet, clock },
    retention: options.retention ?? everything,
    content: options.content ?? true,
  });
  const queueOfLooks = options.queueOfLooks?.(queue) ?? queue;
  const looks = new Looks({
    store,
    registry,
    views,
    queue: queueOfLooks,
    devices,
    quiet,
    clock,
    groupMax: options.groupMax ?? 500,
  });
  const scene: Pick<NotifyScene, 'answer'> = { answer: () => ({ outcome: 'sent' }) };
  const sender = new Sender({
    queue,
    pushes,
    store,
    clock,
    notifier: {
      name: 'log',
      async send(notification) {
        sent.push(notification);
        return scene.answer(notification);
      },
      async [Symbol.asyncDispose]() {},
    },
    onOutcome: (outcome) => void outcomes.push(outcome),
  });
  const withdrawals = new Withdrawals({
    queue,
    devices,
    clock,
    onTrouble(error) {
      throw error;
    },
  });
  const asked: Promise<void>[] = [];
  node.receipts.onRead = (user, threadId, read) =>
    void asked.push(withdrawals.read(user, threadId, read) ?? Promise.resolve());
  const work = async (): Promise<void> => {
    for (;;) {
      const jobs = await queue.take(100);
      if (jobs.length === 0) return;
      await Promise.all(
        jobs.map((job) =>
          job.kind === 'look' ? looks.look(job) : job.kind === 'recheck' ? looks.recheck(job) : sender.push(job),
        ),
      );
    }
  };
  return Object.assign(scene, {
    node,
    ids,
    clock,
    queue,
    marks,
    sent,
    outcomes,
    async pass(ms: number) {
      for (let passed = 0; passed < ms; passed += 500) {
        clock.turn(Math.min(500, ms - passed));
        await work();
      }
    },
    async device(user: string, device: string, more: { readonly locale?: string } = {}) {
      const said = { platform: 'android', pushToken: `token ${user}/${device}`, keyBlob: new Uint8Array(0) } as const;
      await node.chat.devices.register(callerOf(user), {
        ...said,
        locale: more.locale ?? '',
        displayName: '',
        deviceId: device as DeviceId,
      });
    },
    async live(user: string, device: string) {
      const session = {
        sessionId: `n1.${user}.${device}` as SessionId,
        userId: user as UserId,
        deviceId: device as DeviceId,
        startMs: clock.nowMs(),
      };
      await registry.announce(session);
      return session;
    },
    leave: (session: RegistrySession) => registry.withdraw(session, { clean: true, lastSeenMs: clock.nowMs() }),
    async acknowledge(user: string, device: string, threadId: ThreadId, sequence: bigint) {
      node.receipts.advanceDelivered(user as UserId, device as DeviceId, threadId, sequence);
      await node.receipts.settled();
    },
    async read(user: string, threadId: ThreadId, sequence: bigint) {
      node.receipts.advanceRead(user as UserId, threadId, sequence);
      await node.receipts.settled();
      await Promise.all(asked.splice(0));
    },
    say: (from: string, threadId: ThreadId, text: string, more: Partial<Body> = {}) =>
      post(node, ids, from, threadId, text, more),
    direct: (one: string, other: string) => node.chat.openThread.direct(callerOf(one), other as UserId),
    take: () =>
      sent
        .splice(0)
        .map(({ kind, to, sequence }) => `${kind} ${to.userId}/${to.deviceId} ${sequence}`)
        .toSorted(),
    async [Symbol.asyncDispose]() {
      await marks[Symbol.asyncDispose]();
      await node[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
      await queue[Symbol.asyncDispose]();
      await kept[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  });
}
