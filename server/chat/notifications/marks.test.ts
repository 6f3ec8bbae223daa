import { afterEach, expect, test } from 'vitest';
import { callerOf } from '../../../test/support/chat-node.ts';
import { HandClock } from '../../../test/support/clock.ts';
import { type NotifyScene, openNotifyScene } from '../../../test/support/notify-scene.ts';
import type { ThreadId } from '../../core/ids.ts';
import type { NewJob, NotifyQueue } from '../../notify/queue.ts';
import { Marks } from './marks.ts';

const thread = 'g_a' as ThreadId;

/** A queue of which only `put` is used: it takes, has no room, rejects, or answers when told to. */
class Taker {
  readonly taken: NewJob[] = [];
  mode: 'takes' | 'full' | 'down' | 'slow' = 'takes';
  answer: () => void = () => undefined;
  /** When what is put is given, if it is merged into what waits. */
  dueInMs: number | undefined;

  readonly queue = {
    put: async (jobs: readonly NewJob[]): Promise<readonly (number | undefined)[]> => {
      if (this.mode === 'down') throw new Error('down');
      if (this.mode === 'full') return jobs.map(() => undefined);
      if (this.mode === 'slow') await new Promise<void>((resolve) => (this.answer = resolve));
      this.taken.push(...jobs);
      return jobs.map(({ delayMs }) => this.dueInMs ?? delayMs);
    },
  } as Partial<NotifyQueue> as NotifyQueue;
}

test('one mark a thread and second stands for all that is appended in it', async () => {
  const [taker, clock] = [new Taker(), new HandClock()];
  await using marks = new Marks(taker.queue, clock);
  for (let after = 4n; after < 9n; after++) {
    marks.begin(thread, after);
    await marks.end(thread, after);
    clock.turn(100);
  }
  expect(taker.taken).toMatchObject([{ kind: 'look', threadId: thread, after: 4n, delayMs: 1_000 }]);
  clock.turn(500);
  marks.begin(thread, 9n);
  expect(taker.taken).toHaveLength(2);
});

test('an append that takes longer than the window is marked again, since who looked did not see it', async () => {
  const [taker, clock] = [new Taker(), new HandClock()];
  await using marks = new Marks(taker.queue, clock);
  marks.begin(thread, 4n);
  clock.turn(1_000);
  await marks.end(thread, 4n);
  expect(taker.taken.map(({ after }) => after)).toEqual([4n, 4n]);
});

test('a mark that was merged into one that is looked at sooner is made again when the append ends after that', async () => {
  const [taker, clock] = [new Taker(), new HandClock()];
  await using marks = new Marks(taker.queue, clock);
  taker.dueInMs = 200;
  marks.begin(thread, 4n);
  await clock.turnSlowly(10);
  expect(marks.end(thread, 4n)).toBeUndefined();
  clock.turn(190);
  await marks.end(thread, 4n);
  expect(taker.taken.map(({ after }) => after)).toEqual([4n, 4n]);
});

test('an earlier message is marked though the thread has been for later ones', async () => {
  const taker = new Taker();
  await using marks = new Marks(taker.queue, new HandClock());
  marks.begin(thread, 9n);
  marks.begin(thread, 3n);
  expect(taker.taken.map(({ after }) => after)).toEqual([9n, 3n]);
});

test('whoever replies waits until the queue has the mark', async () => {
  const [taker, clock] = [new Taker(), new HandClock()];
  taker.mode = 'slow';
  await using marks = new Marks(taker.queue, clock);
  marks.begin(thread, 1n);
  let waits = [marks.end(thread, 1n), marks.end(thread, 2n)];
  await clock.turnSlowly(10);
  expect(taker.taken).toEqual([]);
  expect(waits.every((one) => one instanceof Promise)).toBe(true);
  taker.answer();
  await Promise.all(waits.map(async (one) => one));
  expect(taker.taken).toHaveLength(1);
  waits = [marks.end(thread, 3n)];
  expect(waits).toEqual([undefined]);
});

test.each(['full', 'down'] as const)(
  'nobody waits for a queue that is %s: it is owed the mark until it takes it',
  async (mode) => {
    const [taker, clock] = [new Taker(), new HandClock()];
    taker.mode = mode;
    await using marks = new Marks(taker.queue, clock);
    marks.begin(thread, 7n);
    await marks.end(thread, 7n);
    expect(marks.owed).toBe(1);
    await clock.turnSlowly(3_000, 500);
    marks.begin(thread, 9n);
    await marks.end(thread, 9n);
    expect(marks.owed).toBe(1);
    taker.mode = 'takes';
    await clock.turnSlowly(1_500, 500);
    expect(taker.taken.map(({ after }) => after)).toContain(7n);
    expect(marks.owed).toBe(0);
  },
);

test('what is owed at the end is put once more', async () => {
  const [taker, clock] = [new Taker(), new HandClock()];
  taker.mode = 'down';
  {
    await using marks = new Marks(taker.queue, clock);
    for (let at = 0; at < 1_200; at++) {
      marks.begin(`g_${at}` as ThreadId, 1n);
      await marks.end(`g_${at}` as ThreadId, 1n);
    }
    expect(marks.owed).toBe(1_200);
    taker.mode = 'takes';
  }
  expect(taker.taken).toHaveLength(1_200);
  await clock.turnSlowly(2_000, 500);
  expect(taker.taken).toHaveLength(1_200);
});

let scene: NotifyScene;
afterEach(() => scene?.[Symbol.asyncDispose]());

test('a retry that is answered as a duplicate marks again: who marked it first may have died', async () => {
  let lost = true;
  const put = async (queue: NotifyQueue, jobs: readonly NewJob[]): Promise<readonly (number | undefined)[]> =>
    lost ? jobs.map(({ delayMs }) => delayMs) : queue.put(jobs);
  scene = await openNotifyScene({
    queueOfMarks: (queue) =>
      ({ put: (jobs: readonly NewJob[]) => put(queue, jobs) }) as Partial<NotifyQueue> as NotifyQueue,
  });
  const direct = await scene.direct('alice', 'bob');
  await scene.device('bob', 'phone');
  const draft = {
    ...{ threadId: direct, clientMessageId: 'once', knownHead: 0n, expectedSequence: undefined, replyTo: 0n },
    body: { content: { text: 'hello' }, mentions: [], attachments: [] },
  };
  const { sequence } = await scene.node.chat.sendMessage.send(callerOf('alice'), draft);
  await scene.pass(5_000);
  expect(scene.take()).toEqual([]);
  lost = false;
  expect(await scene.node.chat.sendMessage.send(callerOf('alice'), draft)).toMatchObject({ sequence, duplicate: true });
  await scene.pass(1_500);
  expect(scene.take()).toEqual([`message bob/phone ${sequence}`]);
});
