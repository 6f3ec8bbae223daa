import type {
  Metadata,
  ServiceDefinition,
  UntypedServiceImplementation,
  sendUnaryData,
  ServerUnaryCall,
} from '@grpc/grpc-js';
import type { Caller } from '../chat/caller.ts';
import type { Clock } from '../core/clock.ts';
import { Refusal, catalogue } from '../core/errors.ts';
import { strictReader } from './decode.ts';
import { refusalOf, statusObjectOf } from './errors.ts';
import { type Trace, traceOf } from './trace.ts';
import { tooLarge } from './validate.ts';

/** Does what one unary RPC is for. Throws a Refusal; anything else thrown is a bug. */
export type Handler<Request, Response, Who = Caller> = (request: Request, caller: Who) => Promise<Response>;

/** A handler for each method of a service as ts-proto defines it. */
export type ServiceHandlers<Service, Who = Caller> = {
  readonly [Name in keyof Service]: Service[Name] extends UnaryMethod<infer Request, infer Response>
    ? Handler<Request, Response, Who>
    : never;
};

export interface UnaryMethod<Request, Response> {
  readonly path: string;
  readonly requestStream: false;
  readonly responseStream: false;
  readonly requestDeserialize: (bytes: Buffer) => Request;
  readonly responseSerialize: (response: Response) => Buffer;
}

/** What every unary call needs, whatever it does. `Who`: what is known of who calls. */
export interface CallContext<Who extends Caller = Caller> {
  readonly clock: Clock;
  /** @throws Refusal TOKEN_… or KEYS_UNAVAILABLE, and what the caller may not even ask for */
  readonly authenticate: (metadata: Metadata, trace: Trace) => Promise<Who>;
  /** Notes an answered call: full method name, name of the status code, time in ms. */
  readonly observe: (method: string, code: string, ms: number, trace: Trace) => void;
  /** Bytes of a request. Default `maxRequestBytes`. */
  readonly maxBytes?: number;
  /** Logs a bug and gives the id under which it stands. */
  readonly report: (cause: unknown, trace: Trace) => string;
}

/** For `Server.addService`. */
export interface Service {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

/** Bytes of a unary request. */
export const maxRequestBytes = 256 * 1_024;

/**
 * Makes a service of its handlers. gRPC hands over bytes and takes bytes: requests are decoded after the token was checked, and whatever goes
 * wrong, in decoding, in the handler or in encoding, leaves as a status of the catalogue with its details.
 */
export function makeService<
  Methods extends { readonly [Name in keyof Methods]: { readonly path: string } },
  Who extends Caller = Caller,
>(methods: Methods, handlers: ServiceHandlers<Methods, Who>, context: CallContext<Who>): Service {
  const definition: Record<string, ServiceDefinition[string]> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const name of Object.keys(methods) as (keyof Methods & string)[]) {
    const method = methods[name] as unknown as UnaryMethod<unknown, unknown>;
    definition[name] = { ...method, ...bytesOnly };
    implementation[name] = handle(method, handlers[name] as unknown as Handler<unknown, unknown, Who>, context);
  }
  return { definition, implementation };
}

const pass = (bytes: Buffer): Buffer => bytes;
const bytesOnly = {
  requestSerialize: pass,
  requestDeserialize: pass,
  responseSerialize: pass,
  responseDeserialize: pass,
} as const;

function handle<Who extends Caller>(
  method: UnaryMethod<unknown, unknown>,
  handler: Handler<unknown, unknown, Who>,
  context: CallContext<Who>,
): (call: ServerUnaryCall<Buffer, Buffer>, respond: sendUnaryData<Buffer>) => void {
  const { clock, observe, report } = context;
  const name = method.path.slice(1);
  const serve = async (call: ServerUnaryCall<Buffer, Buffer>, respond: sendUnaryData<Buffer>): Promise<void> => {
    const startMs = clock.monotonicMs();
    const trace = traceOf(call.metadata);
    let code: string = 'OK';
    try {
      respond(null, await answer(call, method, handler, context, trace));
    } catch (thrown) {
      const refusal = refusalOf(thrown, (cause) => report(cause, trace));
      code = catalogue[refusal.reason];
      respond(statusObjectOf(refusal));
    }
    observe(name, code, clock.monotonicMs() - startMs, trace);
  };
  return (call, respond) => void serve(call, respond);
}

async function answer<Who extends Caller>(
  call: ServerUnaryCall<Buffer, Buffer>,
  method: UnaryMethod<unknown, unknown>,
  handler: Handler<unknown, unknown, Who>,
  context: CallContext<Who>,
  trace: Trace,
): Promise<Buffer> {
  const signal = signalOf(call, context.clock);
  const caller = await context.authenticate(call.metadata, trace);
  const request = decode(method, call.request, context.maxBytes ?? maxRequestBytes);
  const response = await handler(request, { ...caller, signal });
  return method.responseSerialize(response);
}

/** Aborts when the call's deadline has passed or its caller has gone; with the Refusal that says which. */
function signalOf(call: ServerUnaryCall<Buffer, Buffer>, clock: Clock): AbortSignal {
  const controller = new AbortController();
  const deadline = Number(call.getDeadline());
  // The transport ends the call at its deadline, and says so by the same event as for a caller who has gone.
  call.on('cancelled', () => {
    const late = clock.nowMs() >= deadline - deadlineSlackMs;
    const refusal = late
      ? new Refusal('DEADLINE_EXCEEDED', 'the deadline passed; whether it took effect is unknown')
      : new Refusal('CANCELLED', 'the caller cancelled; whether it took effect is unknown');
    controller.abort(refusal);
  });
  return controller.signal;
}

/** Timers may fire this much before the wall clock says so. */
const deadlineSlackMs = 5;

/** @throws Refusal TOO_LARGE, INVALID_FIELD */
function decode(method: UnaryMethod<unknown, unknown>, bytes: Buffer, maxBytes: number): unknown {
  if (bytes.length > maxBytes) throw tooLarge('request', `must be at most ${maxBytes} bytes`);
  try {
    // ts-proto's decode takes a reader as well as bytes; only its signature here does not say so.
    return method.requestDeserialize(strictReader(bytes) as unknown as Buffer);
  } catch (cause) {
    throw new Refusal('INVALID_FIELD', 'the request is not a protobuf message of its type, in UTF-8', {
      fields: [{ field: 'request', description: 'must be a protobuf message of the type of this RPC' }],
      cause,
    });
  }
}
