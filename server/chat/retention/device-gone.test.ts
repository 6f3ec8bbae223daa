// What it costs that devices are signed out: threads that wait for none of them are passed over.
import { expect, test } from 'vitest';
import { callerOf, type ChatNode, groupOf, Ids, openChatNode, post } from '../../../test/support/chat-node.ts';
import { type DeviceId, type ThreadId, threadLog, type UserId } from '../../core/ids.ts';
import { RetentionRules } from '../../core/retention.ts';
import type { Store } from '../../store/store.ts';

const bob = 'bob' as UserId;

/** The reads of a store, by name; of logs with the log. */
function reading(calls: string[]): (store: Store) => Store {
  return (store) =>
    new Proxy(store, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        const call = value as (...given: unknown[]) => unknown;
        return (...given: unknown[]) => {
          calls.push(`${String(name)} ${String(given[0])}`);
          return call.apply(target, given);
        };
      },
    });
}

async function threeGroups(node: ChatNode): Promise<readonly [waiting: ThreadId, ...others: ThreadId[]]> {
  const ids = new Ids();
  const waiting = await groupOf(node, ids, 'alice', ['bob']);
  await node.chat.retention.set(callerOf('alice'), waiting, { mode: 'until-delivered', durationS: 0 });
  await post(node, ids, 'alice', waiting, 'hello');
  return [waiting, await groupOf(node, ids, 'alice', ['bob']), await groupOf(node, ids, 'alice', ['bob'])];
}

test('of the threads of who signs out only those are looked at that wait for devices; the others cost a row', async () => {
  const calls: string[] = [];
  await using node = await openChatNode({
    retention: new RetentionRules({ mode: 'keep', durationS: 0 }, 0),
    storeBehind: reading(calls),
  });
  const threads = await threeGroups(node);
  await node.chat.devices.met(bob, 'phone' as DeviceId);
  await node.erasing.settled();
  calls.length = 0;
  await node.chat.devices.remove(callerOf('bob'), 'phone' as DeviceId);
  await node.erasing.settled();
  const readsOf = (threadId: ThreadId): number =>
    calls.filter((call) => call.endsWith(` ${threadLog(threadId)}`)).length;
  expect(readsOf(threads[0])).toBeGreaterThan(1);
  expect(threads.slice(1).map(readsOf)).toEqual([1, 1]);
});

test('many devices that are signed out at once come to two runs at most, and one that was signed out before to none', async () => {
  const calls: string[] = [];
  await using node = await openChatNode({
    retention: new RetentionRules({ mode: 'keep', durationS: 0 }, 0),
    storeBehind: reading(calls),
  });
  await threeGroups(node);
  const devices = Array.from({ length: 20 }, (_, at) => `d${at}` as DeviceId);
  for (const device of devices) await node.chat.devices.met(bob, device);
  await node.erasing.settled();
  calls.length = 0;
  await Promise.all(devices.map((device) => node.chat.devices.remove(callerOf('bob'), device)));
  await node.erasing.settled();
  const runs = (): number => calls.filter((call) => call === 'inbox bob').length;
  expect([1, 2]).toContain(runs());
  calls.length = 0;
  for (const device of devices) await node.chat.devices.remove(callerOf('bob'), device);
  await node.erasing.settled();
  expect(runs()).toBe(0);
});
