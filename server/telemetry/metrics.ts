import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { type HttpPort, listenHttp } from '../http-port.ts';
import { LoopDelay } from './loop-delay.ts';

/** What the gauges read, when they are read. */
export interface Gauges {
  readonly sessions: () => number;
  readonly topics: () => number;
  readonly writable: () => boolean;
  /** Topics that are owed what the bus did not take. */
  readonly owed: () => number;
  /** Sessions of this node that Redis is still to be told of. */
  readonly untold: () => number;
  /** Of notifications. */
  readonly notify: () => NotifyGauges;
}

export interface NotifyGauges {
  /** Threads that are to be looked at. */
  readonly looks: number;
  /** To be sent, or tried again. */
  readonly waiting: number;
  readonly dead: number;
  /** Threads that the queue is owed a mark of. */
  readonly owed: number;
}

/**
 * The node's metrics. No user, thread or session in any label. The table in README tells what each warns of; a test holds
 * the two together.
 */
export class Metrics {
  readonly registry = new Registry();
  readonly #calls: Counter<'method' | 'code'>;
  readonly #callSeconds: Histogram<'method'>;
  readonly #ofServices: Counter<'service' | 'method' | 'outcome'>;
  readonly #frames: Counter<'kind' | 'reason'>;
  readonly #goodbyes: Counter<'reason'>;
  readonly #publishFailures: Counter;
  readonly #entries: Counter;
  readonly #commitSeconds: Histogram;
  readonly #conflicts: Counter;
  readonly #erased: Counter;
  readonly #routedSends: Counter<'outcome'>;
  readonly #notifications: Counter<'outcome'>;
  readonly #bugs: Counter;
  #gauges: Gauges | undefined;

  constructor() {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#calls = new Counter({
      name: 'parley_calls_total',
      help: 'Unary calls answered, by method and status code',
      labelNames: ['method', 'code'],
      registers,
    });
    this.#callSeconds = new Histogram({
      name: 'parley_call_seconds',
      help: 'Time from a unary call to its answer',
      labelNames: ['method'],
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    });
    this.#ofServices = new Counter({
      name: 'parley_service_calls_total',
      help: 'Calls of other services, by service, method and OK or the reason of the refusal',
      labelNames: ['service', 'method', 'outcome'],
      registers,
    });
    this.#frames = new Counter({
      name: 'parley_frames_refused_total',
      help: 'Client frames refused, by kind and reason',
      labelNames: ['kind', 'reason'],
      registers,
    });
    this.#goodbyes = new Counter({
      name: 'parley_sessions_ended_total',
      help: 'Sessions ended, by the reason of their goodbye',
      labelNames: ['reason'],
      registers,
    });
    this.#publishFailures = new Counter({
      name: 'parley_publish_failures_total',
      help: 'Events that the bus did not take',
      registers,
    });
    this.#entries = new Counter({
      name: 'parley_entries_appended_total',
      help: 'Entries appended to threads by this node',
      registers,
    });
    this.#commitSeconds = new Histogram({
      name: 'parley_commit_seconds',
      help: 'Time that the store took for a commit to a thread, of one entry or several',
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    });
    this.#erased = new Counter({
      name: 'parley_erased_total',
      help: 'Messages whose contents retention has erased on this node',
      registers,
    });
    this.#conflicts = new Counter({
      name: 'parley_append_conflicts_total',
      help: 'Appends tried again because another node had moved the head of the log',
      registers,
    });
    this.#routedSends = new Counter({
      name: 'parley_sends_routed_total',
      help: 'Messages to hot threads that another node was asked to append, by whether it said what became of them',
      labelNames: ['outcome'],
      registers,
    });
    this.#notifications = new Counter({
      name: 'parley_notifications_total',
      help: 'Notifications, by what became of them',
      labelNames: ['outcome'],
      registers,
    });
    this.#bugs = new Counter({
      name: 'parley_internal_errors_total',
      help: 'Answers INTERNAL: bugs, with their cause in the log',
      registers,
    });
    const value = (read: (gauges: Gauges) => number): number => (this.#gauges === undefined ? 0 : read(this.#gauges));
    const gauge = (name: string, help: string, read: (gauges: Gauges) => number): void => {
      void new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(value(read));
        },
      });
    };
    gauge('parley_sessions', 'Open sessions', ({ sessions }) => sessions());
    gauge('parley_topics', 'Topics this node is subscribed to', ({ topics }) => topics());
    gauge('parley_store_writable', '1 while appends are taken', ({ writable }) => (writable() ? 1 : 0));
    gauge('parley_publish_owed', 'Topics owed what the bus did not take', ({ owed }) => owed());
    gauge('parley_presence_untold', 'Sessions that Redis is still to be told of', ({ untold }) => untold());
    gauge(
      'parley_notify_looks',
      'Threads of which it is to be found out whom to notify',
      ({ notify }) => notify().looks,
    );
    gauge('parley_notify_waiting', 'Notifications to be sent, or tried again', ({ notify }) => notify().waiting);
    gauge('parley_notify_dead', 'Notifications that were given up and are kept', ({ notify }) => notify().dead);
    gauge('parley_notify_owed', 'Threads that the queue of notifications is owed', ({ notify }) => notify().owed);
    const loopDelay = new LoopDelay();
    void new Gauge({
      name: 'parley_event_loop_delay_p99_seconds',
      help: 'By how much the event loop was late with what was due, p99 since the last scrape',
      registers,
      collect() {
        this.set(loopDelay.takeP99());
      },
    });
  }

  /** What the gauges read from now on; before, they are 0. */
  watch(gauges: Gauges): void {
    this.#gauges = gauges;
  }

  call(method: string, code: string, ms: number): void {
    this.#calls.inc({ method, code });
    this.#callSeconds.observe({ method }, ms / 1_000);
  }

  /** A call of another service, whose name its token says: there are as many names as the issuer signs. */
  serviceCall(service: string, method: string, outcome: string): void {
    this.#ofServices.inc({ service, method, outcome });
  }

  frameRefused(kind: string, reason: string): void {
    this.#frames.inc({ kind, reason });
  }

  sessionEnded(reason: string): void {
    this.#goodbyes.inc({ reason });
  }

  publishFailed(): void {
    this.#publishFailures.inc();
  }

  committed(entries: number, tookMs: number): void {
    this.#entries.inc(entries);
    this.#commitSeconds.observe(tookMs / 1_000);
  }

  erased(messages: number): void {
    this.#erased.inc(messages);
  }

  appendConflicted(): void {
    this.#conflicts.inc();
  }

  sendsRouted(sends: number, answered: boolean): void {
    this.#routedSends.inc({ outcome: answered ? 'answered' : 'failed' }, sends);
  }

  notification(outcome: string): void {
    this.#notifications.inc({ outcome });
  }

  internalError(): void {
    this.#bugs.inc();
  }
}

/** Serves /metrics, /healthz (the process runs) and /readyz (it takes streams and appends). */
export async function serveMetrics(
  metrics: Metrics,
  address: { readonly host: string; readonly port: number },
  ready: () => { readonly ready: boolean; readonly why: string },
): Promise<HttpPort> {
  return listenHttp((request, response) => {
    const path = request.url?.split('?')[0];
    if (path === '/metrics') {
      void metrics.registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': metrics.registry.contentType }).end(text),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    } else if (path === '/healthz') {
      response.writeHead(200).end('ok\n');
    } else if (path === '/readyz') {
      const state = ready();
      response.writeHead(state.ready ? 200 : 503).end(`${state.why}\n`);
    } else {
      response.writeHead(404).end('there are /metrics, /healthz and /readyz\n');
    }
  }, address);
}
