// A TCP line between two parts of the cluster that can be broken: bytes stop one way or both while the connections stay open,
// come late, or connections are reset and refused. Who dials it takes it for the other part.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** `out`: from who dials to who is dialled; `back`: the other way. */
export type Way = 'out' | 'back';

/** Read and not passed on, at most, a connection and way; then the sender is made to wait. */
const mostQueuedBytes = 1024 * 1024;

export class Line implements AsyncDisposable {
  /** Passed on since the start. */
  readonly bytes: Record<Way, number> = { out: 0, back: 0 };
  readonly held: Record<Way, boolean> = { out: false, back: false };
  /** Ms by which what is read from now on comes late. */
  readonly delayMs: Record<Way, number> = { out: 0, back: 0 };
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #target: string;
  #refuses = false;

  private constructor(server: Server, target: string) {
    this.#server = server;
    this.#target = target;
    server.on('connection', (near) => this.#join(near));
  }

  /** A line to host:port, on a port that the system gives. */
  static async start(target: string): Promise<Line> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const line = new Line(server, target);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return line;
  }

  /** host:port to dial in place of the target. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** host:port. */
  get target(): string {
    return this.#target;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#pairs.size;
  }

  /** New connections go there; those that are open stay where they are. */
  retarget(target: string): void {
    this.#target = target;
  }

  /** Passes nothing on, not even an end: each side believes that the other one is there. */
  hold(...ways: readonly Way[]): void {
    for (const way of ways) this.held[way] = true;
  }

  delay(ms: number, ...ways: readonly Way[]): void {
    for (const way of ways) this.delayMs[way] = ms;
  }

  /** Resets what is open and takes nothing new. */
  cut(): void {
    this.#refuses = true;
    this.reset();
  }

  /** Resets what is open; what was held is lost. */
  reset(): void {
    for (const pair of this.#pairs) pair.reset();
  }

  /** Passes everything on again, first what was held. */
  mend(): void {
    this.#refuses = false;
    for (const way of ['out', 'back'] as const) {
      this.held[way] = false;
      this.delayMs[way] = 0;
    }
    for (const pair of this.#pairs) pair.pump();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.reset();
    if (this.#server.listening) await once(this.#server, 'close');
  }

  #join(near: Socket): void {
    near.on('error', () => {});
    if (this.#refuses) return void near.resetAndDestroy();
    const [host = '', port = ''] = this.#target.split(':');
    const far = connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true });
    const pair = new Pair(this, near, far, () => this.#pairs.delete(pair));
    this.#pairs.add(pair);
  }
}

class Pair {
  readonly #near: Socket;
  readonly #far: Socket;
  readonly #flows: readonly [Flow, Flow];

  constructor(line: Line, near: Socket, far: Socket, gone: () => void) {
    this.#near = near;
    this.#far = far;
    this.#flows = [new Flow(line, 'out', near, far), new Flow(line, 'back', far, near)];
    let open = 2;
    for (const socket of [near, far]) {
      socket.once('close', () => {
        open -= 1;
        if (open === 0) gone();
      });
    }
  }

  reset(): void {
    for (const flow of this.#flows) flow.stop();
    for (const socket of [this.#near, this.#far]) socket.resetAndDestroy();
  }

  pump(): void {
    for (const flow of this.#flows) flow.pump();
  }
}

/** What is to be passed on: bytes, the end of them, or that the connection broke. */
interface Passing {
  readonly what: Buffer | 'end' | 'break';
  readonly dueMs: number;
}

class Flow {
  readonly #line: Line;
  readonly #way: Way;
  readonly #from: Socket;
  readonly #to: Socket;
  #queue: Passing[] = [];
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #isFull = false;
  #ended = false;

  constructor(line: Line, way: Way, from: Socket, to: Socket) {
    this.#line = line;
    this.#way = way;
    this.#from = from;
    this.#to = to;
    from.on('data', (data) => this.#take(data));
    from.once('end', () => this.#end('end'));
    from.once('error', () => this.#end('break'));
    from.once('close', () => this.#end('break'));
    to.on('drain', () => {
      this.#isFull = false;
      this.pump();
    });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#queue = [];
    this.#ended = true;
  }

  pump(): void {
    clearTimeout(this.#timer);
    while (!this.#line.held[this.#way] && !this.#isFull) {
      const next = this.#queue[0];
      if (next === undefined) return void this.#from.resume();
      const earlyMs = next.dueMs - performance.now();
      if (earlyMs > 0) {
        this.#timer = setTimeout(() => this.pump(), earlyMs);
        return;
      }
      this.#queue.shift();
      this.#pass(next.what);
    }
  }

  #pass(what: Passing['what']): void {
    if (what === 'break') return void this.#to.resetAndDestroy();
    if (what === 'end') return void this.#to.end();
    this.#bytes -= what.length;
    if (this.#to.destroyed || this.#to.writableEnded) return;
    this.#line.bytes[this.#way] += what.length;
    this.#isFull = !this.#to.write(what);
  }

  #take(data: Buffer): void {
    this.#bytes += data.length;
    if (this.#bytes > mostQueuedBytes) this.#from.pause();
    this.#put(data);
  }

  #end(how: 'end' | 'break'): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#put(how);
  }

  #put(what: Passing['what']): void {
    this.#queue.push({ what, dueMs: performance.now() + this.#line.delayMs[this.#way] });
    this.pump();
  }
}
