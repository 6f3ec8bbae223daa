// What every bus must do, as a function of how its nodes are made. On a bus of one node all nodes are the same.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Bus, type Topic, topicOf } from '../../server/bus/bus.ts';
import type { BusEvent } from '../../server/core/event.ts';
import type { UserId } from '../../server/core/ids.ts';
import { newThread, newUser } from './samples.ts';

/** Two nodes of one deployment; the same object twice where there is but one. */
export interface BusNodes extends AsyncDisposable {
  readonly here: Bus;
  readonly there: Bus;
}

/** An event that says a number. */
function event(number: number): BusEvent {
  return {
    type: 'typing',
    threadId: newThread(),
    userId: `user-${number}` as UserId,
    active: true,
    origin: undefined,
  };
}

function numberOf(heard: BusEvent): number {
  if (heard.type !== 'typing') throw new Error(`an event of type ${heard.type} was not published`);
  return Number(heard.userId.slice('user-'.length));
}

/** Collects what it hears; `until` resolves when it has heard that many. */
class Ear {
  readonly heard: BusEvent[] = [];
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  readonly listen = (one: BusEvent): void => {
    this.heard.push(one);
    for (const { count, resolve } of this.#waiting) if (this.heard.length >= count) resolve();
  };

  get numbers(): number[] {
    return this.heard.map(numberOf);
  }

  until(count: number): Promise<void> {
    if (this.heard.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count, resolve }));
  }
}

const topic = (): Topic => topicOf.user(newUser());
const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

export function busContract(name: string, makeNodes: () => Promise<BusNodes>): void {
  describe(name, () => {
    let nodes: BusNodes;
    beforeAll(async () => {
      nodes = await makeNodes();
    });
    afterAll(() => nodes[Symbol.asyncDispose]());

    test('what is published after a subscription was confirmed is heard, on both nodes', async () => {
      const at = topic();
      const [here, there] = [new Ear(), new Ear()];
      await nodes.here.subscribe(at, here.listen);
      await nodes.there.subscribe(at, there.listen);
      await nodes.here.publish(at, event(0));
      await Promise.all([here.until(1), there.until(1)]);
      await nodes.there.publish(at, event(1));
      await Promise.all([here.until(2), there.until(2)]);
      expect([here.numbers, there.numbers]).toEqual([upTo(2), upTo(2)]);
    });

    test('an event arrives as it was published', async () => {
      const [at, ear] = [topic(), new Ear()];
      await nodes.there.subscribe(at, ear.listen);
      const threadId = newThread();
      const published: BusEvent[] = [
        {
          type: 'entries',
          threadId,
          head: { epoch: 1n << 50n, sequence: 7n, ordinal: 5n, membersSequence: 1n, activityMs: 1_767_000_000_000 },
          entries: [
            {
              sequence: 7n,
              ordinal: 5n,
              senderId: 'ann' as UserId,
              deviceId: 'phone' as never,
              clientMessageId: 'id',
              createTimeMs: 1_767_000_000_000,
              change: {
                kind: 'message',
                replyTo: 3n,
                body: {
                  content: { opaque: Uint8Array.of(0, 255), contentType: 'a/b' },
                  mentions: ['böb' as UserId],
                  attachments: [{ uri: 'u', contentType: 'c', name: 'n', sizeBytes: 1n << 40n }],
                },
                editSequence: 0n,
                deleteSequence: 0n,
              },
            },
          ],
          origin: 'node.session' as never,
        },
        {
          type: 'positions',
          threadId,
          positions: [
            {
              userId: 'ann' as UserId,
              delivered: 9n,
              read: 8n,
              readOrdinal: 7n,
              readPrivately: true,
              origin: undefined,
            },
          ],
        },
        { type: 'presence', presence: { userId: 'ann' as UserId, state: 'offline', lastSeenMs: 5, asOfMs: 6 } },
      ];
      for (const one of published) await nodes.here.publish(at, one);
      await ear.until(published.length);
      expect(ear.heard).toEqual(published);
    });

    test('events of one publisher and topic are heard in order', async () => {
      const [at, here, there] = [topic(), new Ear(), new Ear()];
      await nodes.here.subscribe(at, here.listen);
      await nodes.there.subscribe(at, there.listen);
      await Promise.all(upTo(1_000).map((number) => nodes.here.publish(at, event(number))));
      await Promise.all([here.until(1_000), there.until(1_000)]);
      expect(here.numbers).toEqual(upTo(1_000));
      expect(there.numbers).toEqual(upTo(1_000));
    });

    test('a topic is heard by those who subscribed to it, and by nobody else', async () => {
      const names = ['a', 'a/b', 'a%2Fb', 'ä', 'a:b', 'thread:g_1', '*'] as UserId[];
      const own = newUser();
      const topics = names.flatMap((name) => {
        const user = `${own}${name}` as UserId;
        return [topicOf.user(user), topicOf.presence(user)];
      });
      expect(new Set(topics).size).toBe(topics.length);
      const ears = topics.map(() => new Ear());
      await Promise.all(topics.map((at, index) => nodes.there.subscribe(at, ears[index]?.listen ?? (() => {}))));
      await Promise.all(topics.map((at, number) => nodes.here.publish(at, event(number))));
      await Promise.all(ears.map((ear) => ear.until(1)));
      expect(ears.map((ear) => ear.numbers)).toEqual(topics.map((_, number) => [number]));
    });

    test('every subscription of a topic hears each event once, also those of one listener', async () => {
      const [at, ear, other] = [topic(), new Ear(), new Ear()];
      await nodes.here.subscribe(at, ear.listen);
      await nodes.here.subscribe(at, ear.listen);
      await nodes.here.subscribe(at, other.listen);
      await nodes.there.publish(at, event(1));
      await Promise.all([ear.until(2), other.until(1)]);
      expect([ear.numbers, other.numbers]).toEqual([[1, 1], [1]]);
    });

    test('nothing is heard after unsubscribing, and others of the topic go on hearing', async () => {
      const [at, leaver, stayer] = [topic(), new Ear(), new Ear()];
      const subscription = await nodes.here.subscribe(at, leaver.listen);
      await nodes.here.subscribe(at, stayer.listen);
      await nodes.there.publish(at, event(0));
      await Promise.all([leaver.until(1), stayer.until(1)]);
      subscription.unsubscribe();
      subscription.unsubscribe();
      await nodes.there.publish(at, event(1));
      await stayer.until(2);
      expect([leaver.numbers, stayer.numbers]).toEqual([[0], [0, 1]]);
    });

    test('a topic that was left by all can be subscribed to again', async () => {
      const [at, first, second] = [topic(), new Ear(), new Ear()];
      (await nodes.here.subscribe(at, first.listen)).unsubscribe();
      await nodes.here.subscribe(at, second.listen);
      await nodes.there.publish(at, event(3));
      await second.until(1);
      expect([first.numbers, second.numbers]).toEqual([[], [3]]);
    });

    test('leaving while an event is handed over ends it for those who have not heard it yet', async () => {
      const at = topic();
      const heard: string[] = [];
      const done = new Ear();
      const subscriptions: { unsubscribe(): void }[] = [];
      const leaveAll = (name: string) => (): void => {
        heard.push(name);
        for (const subscription of subscriptions) subscription.unsubscribe();
      };
      subscriptions.push(await nodes.here.subscribe(at, leaveAll('a')), await nodes.here.subscribe(at, leaveAll('b')));
      await nodes.there.publish(at, event(1));
      await nodes.here.subscribe(at, done.listen);
      await nodes.there.publish(at, event(2));
      await done.until(1);
      expect(heard).toHaveLength(1);
    });

    test('a listener that publishes is never re-entered', async () => {
      const [at, ear] = [topic(), new Ear()];
      let inside = 0;
      let deepest = 0;
      await nodes.here.subscribe(at, (one) => {
        deepest = Math.max(deepest, ++inside);
        ear.listen(one);
        const number = numberOf(one);
        if (number < 20) void nodes.here.publish(at, event(number + 1));
        inside--;
      });
      await nodes.here.publish(at, event(0));
      await ear.until(21);
      expect(ear.numbers).toEqual(upTo(21));
      expect(deepest).toBe(1);
    });

    test('publishing to a topic that nobody hears resolves', async () => {
      await nodes.here.publish(topic(), event(1));
    });
  });
}
