// Loaded into a node's process before the product (node --import), which knows nothing of it: it steps the wall clock and
// stalls the event loop as the fault run orders. An order is in the file that FAULTS_ORDERS names when SIGUSR2 comes.
import { readFileSync } from 'node:fs';

export interface Order {
  /** By which the wall clock is wrong from now on. */
  readonly shiftMs: number;
  /** For so long nothing else runs. */
  readonly stallMs: number;
}

const { FAULTS_ORDERS: file } = process.env;
if (file !== undefined) {
  const RealDate = Date;
  const realNow = Date.now.bind(Date);
  let shiftMs = 0;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, given: [number?], made) =>
      Reflect.construct(target, given.length === 0 ? [realNow() + shiftMs] : given, made) as object,
    get: (target, name) => (name === 'now' ? () => realNow() + shiftMs : (Reflect.get(target, name) as unknown)),
  });
  process.on('SIGUSR2', () => {
    const order = JSON.parse(readFileSync(file, 'utf8')) as Order;
    ({ shiftMs } = order);
    const endMs = performance.now() + order.stallMs;
    while (performance.now() < endMs);
  });
}
