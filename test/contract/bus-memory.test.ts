import { MemoryBus } from '../../server/bus/memory.ts';
import { busContract } from './bus.ts';

busContract('the in-process bus', () => {
  const bus = new MemoryBus();
  return Promise.resolve({ here: bus, there: bus, [Symbol.asyncDispose]: () => bus[Symbol.asyncDispose]() });
});
