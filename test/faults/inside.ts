// Loaded into a node's process before the product (node --import), which knows nothing of it: it steps the wall clock and
// stalls the event loop as the fault run orders, and dials its own lines to Redis, whose servers announce one port to all nodes. An
// order is in the file that FAULTS_ORDERS names when SIGUSR2 comes; FAULTS_PORTS says which port to dial in place of which.
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';

export interface Order {
  /** By which the wall clock is wrong from now on. */
  readonly shiftMs: number;
  /** For so long nothing else runs. */
  readonly stallMs: number;
}

const { FAULTS_ORDERS: file, FAULTS_PORTS: ports = '{}' } = process.env;
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

  const dialled = JSON.parse(ports) as Readonly<Record<string, number>>;
  const translated = (wish: unknown): unknown => {
    if (Array.isArray(wish)) {
      // Arguments that were read already: a symbol on the array says so.
      wish[0] = translated(wish[0]);
      return wish;
    }
    if (typeof wish !== 'object' || wish === null || !('port' in wish)) return wish;
    return { ...wish, port: dialled[String(wish.port)] ?? wish.port };
  };
  const connect = Socket.prototype.connect as (this: Socket, ...given: unknown[]) => Socket;
  Socket.prototype.connect = function (this: Socket, ...given: unknown[]): Socket {
    return connect.call(this, translated(given[0]), ...given.slice(1));
  };
}
