// The contract once more, each call to another one of two nodes that share a keyspace and nothing else.
import { systemClock } from '../../server/core/clock.ts';
import type { Store } from '../../server/store/store.ts';
import { newKeyspace } from '../support/cassandra.ts';
import { needs } from '../support/skip.ts';
import { nowMs } from './samples.ts';
import { storeContract } from './store.ts';

needs('cassandra')('two nodes on one Cassandra', () => {
  const clock = { ...systemClock, nowMs: () => nowMs };
  storeContract('the store of either', async () => {
    const keyspace = newKeyspace({ clock });
    const open = async (): Promise<Store> => {
      const nodes = await Promise.all([keyspace.open(), keyspace.open()]);
      return takingTurns(nodes);
    };
    return { open, [Symbol.asyncDispose]: () => keyspace[Symbol.asyncDispose]() };
  });
});

function takingTurns(nodes: readonly Store[]): Store {
  let calls = 0;
  return new Proxy({} as Store, {
    get(_, name) {
      // It is no promise, though it is asked whether it is one.
      if (name === 'then') return undefined;
      if (name === 'epoch') return nodes[0]?.epoch;
      if (name === Symbol.asyncDispose) return () => Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
      return (...args: unknown[]) => {
        const node = nodes[calls++ % nodes.length] as unknown as Record<PropertyKey, (...given: unknown[]) => unknown>;
        return node[name]?.(...args);
      };
    },
  });
}
