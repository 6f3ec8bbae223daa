import { Server, ServerCredentials } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { StreamServiceService, type SubmitRequest, type SubmitResponse } from '#proto/parley/v1/stream_service.ts';
import type { Clock } from '../core/clock.ts';
import { nodeOfSession } from '../core/ids.ts';
import type { DeliveryContext } from '../delivery/context.ts';
import type { Sessions } from '../delivery/sessions.ts';
import type { Limits } from '../chat/limits.ts';
import type { Chat } from '../chat/chat.ts';
import type { Verifier } from '../auth/verifier.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { callerOfCall } from './authenticate.ts';
import { listenOn, stopGently } from './grpc-server.ts';
import { listenHandler } from './listen-service.ts';
import { makeService, maxRequestBytes, type CallContext } from './service.ts';
import type { StreamContext } from './session-stream.ts';
import type { StreamIds } from './stream-frames.ts';
import type { Trace } from './trace.ts';
import { openHandler } from './stream-service.ts';
import { Sinks, type SinkKind } from './stream-sink.ts';
import { sessionOver, type Submits, type Submitter } from './submits.ts';
import { unaryServices } from './unary-services.ts';

export interface RpcOptions {
  readonly nodeId: string;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly verifier: Verifier;
  readonly delivery: DeliveryContext;
  readonly sessions: Sessions;
  readonly limits: Limits;
  readonly chat: Chat;
  readonly sink: SinkKind;
  readonly submits: Submits;
  /** Has another node take a Submit for a session of its own; absent where there is no other. @throws Refusal */
  readonly submitElsewhere: ((from: Submitter, submit: SubmitRequest) => Promise<SubmitResponse>) | undefined;
}

/** No session has a longer one. */
const maxSessionIdLength = 200;
/** What a SubmitRequest may hold beside its frames. */
const submitHeadBytes = 256;

const unlimited = 0x7fff_ffff;

/** The node's public gRPC. */
export class RpcServer {
  readonly #server: Server;
  readonly #health: HealthImplementation;
  readonly #clock: Clock;

  constructor(options: RpcOptions) {
    const { log, metrics, verifier, chat } = options;
    this.#clock = options.delivery.clock;
    this.#server = new Server({
      // Sizes are checked where the refusal can say what to do; this bounds what is read into memory.
      'grpc.max_receive_message_length': 4 * 1_024 * 1_024,
      'grpc.max_concurrent_streams': unlimited,
      // A peer that is gone without a word is noticed; streams of living ones are not disturbed.
      // One that is slow to answer is not gone: a stall of this loop must not look like one of theirs.
      'grpc.keepalive_time_ms': 60_000,
      'grpc.keepalive_timeout_ms': 60_000,
    });
    const report = (cause: unknown, ids: Trace | StreamIds): string => {
      metrics.internalError();
      log.error({ ...ids, err: cause }, 'something failed in the server');
      return ids.request;
    };
    const streams: StreamContext = {
      nodeId: options.nodeId,
      delivery: options.delivery,
      sessions: options.sessions,
      verifier,
      log,
      sinks: new Sinks(options.sink, this.#clock),
      // A profile that cannot be noted just now is noted at the next call.
      noteUser: (caller) => void chat.profiles.noteClaims(caller).catch(() => undefined),
      services: {
        sendMessage: chat.sendMessage,
        channels: chat.channels,
        devices: chat.devices,
        limits: options.limits,
        verify: (token) => verifier.verify(token),
        report,
        observeFrame: (kind, reason) => metrics.frameRefused(kind, reason),
      },
    };
    const { open, listen, submit } = StreamServiceService;
    const bytes = (value: Buffer): Buffer => value;
    // Bytes in and out: what is decoded and when, and that frames are encoded once, is decided by the handlers.
    const bytesOnly = { requestDeserialize: bytes, responseSerialize: bytes };
    this.#server.addService(
      { open: { ...open, ...bytesOnly }, listen: { ...listen, ...bytesOnly } },
      { open: openHandler(streams), listen: listenHandler(streams, options.submits) },
    );
    const call: CallContext = {
      clock: this.#clock,
      authenticate: (metadata) => callerOfCall(metadata, verifier),
      observe: (method, code, ms, trace) => {
        metrics.call(method, code, ms);
        log.debug({ ...trace, method, code, ms: Math.round(ms * 10) / 10 }, 'call');
      },
      report,
    };
    const submits = makeService(
      { submit },
      {
        submit: (request: SubmitRequest, { userId, deviceId }) => this.#submit({ userId, deviceId }, request, options),
      },
      { ...call, maxBytes: maxRequestBytes + submitHeadBytes },
    );
    for (const { definition, implementation } of [submits, ...unaryServices(chat, call)]) {
      this.#server.addService(definition, implementation);
    }
    this.#health = new HealthImplementation({ '': 'SERVING' });
    this.#health.addToServer(this.#server);
  }

  /** The session's id names the node that has it. */
  async #submit(from: Submitter, request: SubmitRequest, options: RpcOptions): Promise<SubmitResponse> {
    const { nodeId, submits, submitElsewhere } = options;
    if (request.sessionId.length > maxSessionIdLength) throw sessionOver();
    if (nodeOfSession(request.sessionId) === nodeId) {
      return submits.take(from, request);
    }
    if (submitElsewhere === undefined) throw sessionOver();
    return submitElsewhere(from, request);
  }

  /** host:port that it listens on. */
  listen(address: string): Promise<string> {
    return listenOn(this.#server, address, ServerCredentials.createInsecure());
  }

  /** What health checks are told: a gateway sends new streams elsewhere from the start of a drain. */
  setServing(serving: boolean): void {
    this.#health.setStatus('', serving ? 'SERVING' : 'NOT_SERVING');
  }

  /** Waits for calls under way, a second at most. */
  stop(): Promise<void> {
    return stopGently(this.#server, this.#clock, 1_000);
  }
}
