import { expect, test } from 'vitest';
import { callerOf, Ids, openChatNode, post } from '../../test/support/chat-node.ts';
import type { UserId } from '../core/ids.ts';
import type { Store } from '../store/store.ts';
import { Acquaintance } from './acquaintance.ts';

const [alice, bob] = ['alice', 'bob'] as UserId[] as [UserId, UserId];

/** Heads that are asked for wait until `release` is called. */
function heldHeads(store: Store): { readonly store: Store; readonly release: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let first = true;
  const held = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      const call = value.bind(target) as (...given: unknown[]) => unknown;
      if (name !== 'head' || !first) return call;
      first = false;
      return async (...given: unknown[]) => {
        await promise;
        return call(...given);
      };
    },
  });
  return { store: held, release: resolve };
}

test('a question that waits while another one reads the thread answers by what that has found', async () => {
  await using node = await openChatNode();
  const ids = new Ids();
  const direct = await node.chat.openThread.direct(callerOf('alice'), bob);
  await post(node, ids, 'alice', direct, 'hello');
  await post(node, ids, 'bob', direct, 'hello yourself');
  const { store, release } = heldHeads(node.store);
  const acquaintance = new Acquaintance({ store, threads: node.views });
  const waiting = acquaintance.bothWrote(alice, bob);
  expect(await acquaintance.bothWrote(bob, alice)).toBe(true);
  release();
  expect(await waiting).toBe(true);
});
