/**
 * A TCP line to the gateway that can be broken: one per client, so that one client's connection breaks and nobody
 * else's. It listens on loopback and passes bytes on as they are.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * - `reset`: both ends see the connection reset; bytes under way are lost.
 * - `end`: both ends see the connection end, after the bytes under way.
 */
export type Cut = 'reset' | 'end';

interface Line {
  near: Socket;
  far: Socket;
}

export class Relay implements AsyncDisposable {
  readonly #server: Server;
  readonly #lines = new Set<Line>();
  #frozen = false;

  private constructor(server: Server, target: { host: string; port: number }) {
    this.#server = server;
    server.on('connection', (near) => this.#join({ near, far: connect({ ...target, noDelay: true }) }));
  }

  static async start(target: { host: string; port: number }): Promise<Relay> {
    const server = createServer({ noDelay: true });
    const relay = new Relay(server, target);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return relay;
  }

  /** Where clients connect: HOST:PORT. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How many connections are open now. */
  get open(): number {
    return this.#lines.size;
  }

  /** Breaks the connections that are open now; returns how many. New ones are taken at once. Thaws the line. */
  cut(how: Cut): number {
    const lines = [...this.#lines];
    for (const { near, far } of lines) {
      for (const socket of [near, far]) {
        if (how === 'reset') socket.resetAndDestroy();
        else socket.end();
      }
    }
    this.thaw();
    return lines.length;
  }

  /** Passes nothing on, in either direction, until `thaw` or `cut`: what was sent may be lost by a reset that follows. */
  freeze(): void {
    this.#frozen = true;
    for (const { near, far } of this.#lines) {
      near.unpipe(far);
      far.unpipe(near);
    }
  }

  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    for (const { near, far } of this.#lines) {
      near.pipe(far);
      far.pipe(near);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const { near, far } of this.#lines) {
      near.destroy();
      far.destroy();
    }
    if (this.#server.listening) await once(this.#server, 'close');
  }

  #join(line: Line): void {
    const { near, far } = line;
    this.#lines.add(line);
    if (!this.#frozen) {
      near.pipe(far);
      far.pipe(near);
    }
    for (const socket of [near, far]) {
      // An error is followed by close; it is what was asked for, or the other side's end.
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#lines.delete(line);
        near.destroy();
        far.destroy();
      });
    }
  }
}
