import { Server, ServerCredentials, type ServerWritableStream } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { StreamServiceService } from '#proto/parley/v1/stream_service.ts';
import type { Clock } from '../core/clock.ts';
import { Refusal } from '../core/errors.ts';
import type { DeliveryContext } from '../delivery/context.ts';
import type { Sessions } from '../delivery/sessions.ts';
import type { Limits } from '../chat/limits.ts';
import type { Chat } from '../chat/chat.ts';
import type { Verifier } from '../auth/verifier.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { callerOfCall } from './authenticate.ts';
import { statusObjectOf } from './errors.ts';
import { listenOn, stopGently } from './grpc-server.ts';
import { makeService, notServed, type CallContext } from './service.ts';
import type { StreamIds } from './stream-frames.ts';
import type { Trace } from './trace.ts';
import { openHandler } from './stream-service.ts';
import { Sinks, type SinkKind } from './stream-sink.ts';
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
}

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
    const open = StreamServiceService.open;
    const bytes = (value: Buffer): Buffer => value;
    // Bytes in and out: what is decoded and when, and that frames are encoded once, is decided by the handler.
    this.#server.addService(
      {
        open: { ...open, requestDeserialize: bytes, responseSerialize: bytes },
        listen: { ...StreamServiceService.listen, requestDeserialize: bytes },
      },
      {
        open: openHandler({
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
            limits: options.limits,
            verify: (token) => verifier.verify(token),
            report,
            observeFrame: (kind, reason) => metrics.frameRefused(kind, reason),
          },
        }),
        listen: (call: ServerWritableStream<unknown, never>) => {
          call.emit('error', statusObjectOf(streamNotServed()));
        },
      },
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
    const submit = makeService({ submit: StreamServiceService.submit }, { submit: notServed }, call);
    for (const { definition, implementation } of [submit, ...unaryServices(chat, call)]) {
      this.#server.addService(definition, implementation);
    }
    this.#health = new HealthImplementation({ '': 'SERVING' });
    this.#health.addToServer(this.#server);
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

function streamNotServed(): Refusal {
  return new Refusal('NOT_SERVED', 'this deployment does not serve this call');
}
