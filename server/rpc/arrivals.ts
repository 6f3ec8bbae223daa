import type { ServerHttp2Stream, ServerHttp2Session } from 'node:http2';

/** Node breaks a connection off that has more than ten unanswered; grpc-js sends one now and then as well. */
const maxOutstanding = 8;

interface Asking {
  outstanding: number;
  /** Asked meanwhile: the next ping is for them. */
  waiting: (() => void)[];
}

/** Asks the peers of connections what they have read. */
export class Arrivals {
  readonly #asking = new WeakMap<ServerHttp2Session, Asking>();

  /**
   * Calls back when the peer of the connection has read what was written to the stream until now: an HTTP/2 ping goes behind it into the
   * same socket, so its answer has waited where it waits. Never called where the connection ends or does not answer.
   */
  after(stream: ServerHttp2Stream | undefined, onArrived: () => void): void {
    const session = stream?.session as ServerHttp2Session | undefined;
    if (session === undefined || session.destroyed || session.closed) return;
    let state = this.#asking.get(session);
    if (state === undefined) this.#asking.set(session, (state = { outstanding: 0, waiting: [] }));
    state.waiting.push(onArrived);
    // Those who ask in the same turn share a ping.
    if (state.waiting.length === 1) queueMicrotask(() => ask(session, state));
  }
}

function ask(session: ServerHttp2Session, state: Asking): void {
  if (state.waiting.length === 0 || state.outstanding >= maxOutstanding || session.destroyed) return;
  const arrived = state.waiting;
  state.waiting = [];
  const isSent = session.ping((error: Error | null) => {
    state.outstanding -= 1;
    if (error !== null) return;
    for (const onArrived of arrived) onArrived();
    ask(session, state);
  });
  if (isSent) state.outstanding += 1;
}
