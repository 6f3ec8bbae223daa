import * as Code from '../core/codes.ts';
import { errorOfDetails, localError, ParleyError } from '../core/errors.ts';
import { bytesOfBase64 } from '../core/wire.ts';

/** One call. */
export interface WebCall {
  /** `https://host/package.Service/Method`, or from the slash on for the page's own origin. */
  readonly url: string;
  /** Bearer token, without the word. */
  readonly token: string;
  /** The request. */
  readonly message: Uint8Array;
  /** The call is given up after this time; undefined = never. */
  readonly deadlineMs?: number | undefined;
  /** Each of them cancels it. */
  readonly signals: readonly AbortSignal[];
}

/** One answer takes no more than this: 200 messages of 64 KiB, and their frames. */
const mostBytes = 32 * 1024 * 1024;
/** What a code of HTTP means where there is no status of gRPC: something in between has answered. */
const codesOfHttp: Readonly<Record<number, number>> = {
  400: Code.INTERNAL,
  401: Code.UNAUTHENTICATED,
  403: Code.PERMISSION_DENIED,
  404: Code.UNIMPLEMENTED,
  429: Code.UNAVAILABLE,
  502: Code.UNAVAILABLE,
  503: Code.UNAVAILABLE,
  504: Code.UNAVAILABLE,
};

/**
 * Makes one grpc-web call with `fetch`, binary, for one answer or a stream of them: `told` hears each message as it comes, in
 * order, never before this returned. Resolves when the server ended it with OK; rejects with a ParleyError, also for what `told`
 * throws. After it settled nothing is told.
 */
export async function exchange(call: WebCall, told: (message: Uint8Array) => void): Promise<void> {
  const { url, token, message, deadlineMs, signals } = call;
  const stop = new AbortController();
  let isLate = false;
  const cancel = (): void => stop.abort();
  for (const signal of signals) {
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel);
  }
  const timer =
    deadlineMs === undefined
      ? undefined
      : setTimeout(() => {
          isLate = true;
          cancel();
        }, deadlineMs);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/grpc-web+proto',
        'x-grpc-web': '1',
        authorization: `Bearer ${token}`,
        ...(deadlineMs === undefined ? {} : { 'grpc-timeout': `${Math.ceil(deadlineMs)}m` }),
      },
      body: framed(message),
      cache: 'no-store',
      credentials: 'omit',
      signal: stop.signal,
    });
    const error = await statusOf(response, (bytes) => {
      if (!stop.signal.aborted) told(bytes);
    });
    if (error !== undefined) throw error;
  } catch (error) {
    if (isLate) throw localError('NO_REASON', 'the deadline passed', Code.DEADLINE_EXCEEDED);
    if (signals.some(({ aborted }) => aborted)) throw localError('NO_REASON', 'the call was cancelled', Code.CANCELLED);
    throw errorOf(error);
  } finally {
    clearTimeout(timer);
    for (const signal of signals) signal.removeEventListener('abort', cancel);
    // Whatever is still on its way is not wanted any more.
    cancel();
  }
}

function errorOf(error: unknown): ParleyError {
  if (error instanceof ParleyError) return error;
  // What fetch and its body say when the network, the gateway or the browser's rules stand in the way.
  if (error instanceof TypeError) return localError('NO_REASON', 'the connection failed', Code.UNAVAILABLE, error);
  return localError('NO_REASON', 'the answer cannot be read', Code.INTERNAL, error);
}

/** Reads an answer to its end. Undefined = OK. */
async function statusOf(response: Response, told: (message: Uint8Array) => void): Promise<ParleyError | undefined> {
  const { headers, status, body } = response;
  const early = headers.get('grpc-status');
  if (early !== null) return errorOfStatus(early, headers);
  if (!(headers.get('content-type') ?? '').startsWith('application/grpc-web')) {
    return localError('NO_REASON', `HTTP ${status} without a gRPC status`, codesOfHttp[status] ?? Code.UNKNOWN);
  }
  const frames = new FrameReader();
  const reader = body?.getReader();
  for (;;) {
    const chunk = await reader?.read();
    if (chunk?.value === undefined) return localError('NO_REASON', 'the answer ends early', Code.UNAVAILABLE);
    for (const { flags, payload } of frames.take(chunk.value as Uint8Array)) {
      if (flags === 0) told(payload);
      else if (flags === 0x80) {
        const trailers = trailersOf(payload);
        // The end comes with them: over HTTP/1.1 a call that is cancelled before it costs the connection.
        await reader?.read().catch(() => undefined);
        return errorOfStatus(trailers.get('grpc-status') ?? '', trailers);
      } else return localError('NO_REASON', 'the answer is compressed', Code.INTERNAL);
    }
  }
}

function errorOfStatus(
  status: string,
  fields: { get(name: string): string | null | undefined },
): ParleyError | undefined {
  const code = /^\d+$/.test(status) ? Number(status) : Code.UNKNOWN;
  if (code === Code.OK) return undefined;
  return errorOfDetails(
    code,
    textOf(fields.get('grpc-message') ?? ''),
    detailsOf(fields.get('grpc-status-details-bin') ?? ''),
  );
}

/** Undoes gRPC's percent-encoding; what is wrongly encoded stays as it is. */
function textOf(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

function detailsOf(base64: string): Uint8Array | undefined {
  try {
    return bytesOfBase64(base64);
  } catch {
    return undefined;
  }
}

function trailersOf(payload: Uint8Array): Map<string, string> {
  const lines = new TextDecoder().decode(payload).split('\r\n');
  return new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}

const headBytes = 5;

/** A message with its five bytes before it: flags, then its length, big-endian. */
function framed(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(headBytes + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, headBytes);
  return frame;
}

interface Frame {
  /** 0 = a message, 0x80 = trailers, 1 = compressed. */
  readonly flags: number;
  readonly payload: Uint8Array;
}

/** Cuts what comes in, in chunks of any size, into frames. */
class FrameReader {
  readonly #head = new Uint8Array(headBytes);
  /** Undefined: the head is being read. */
  #payload: Uint8Array | undefined;
  /** Bytes of the head or of the payload that are there. */
  #held = 0;

  /** @throws ParleyError RESOURCE_EXHAUSTED for a frame over the bound. */
  *take(chunk: Uint8Array): Generator<Frame> {
    for (let at = 0; at < chunk.length;) {
      const into = this.#payload ?? this.#head;
      const part = chunk.subarray(at, at + into.length - this.#held);
      into.set(part, this.#held);
      at += part.length;
      this.#held += part.length;
      if (this.#held < into.length) return;
      this.#held = 0;
      if (this.#payload === undefined) {
        const length = new DataView(this.#head.buffer).getUint32(1);
        if (length > mostBytes) throw localError('NO_REASON', 'the answer is too large', Code.RESOURCE_EXHAUSTED);
        this.#payload = new Uint8Array(length);
        if (length > 0) continue;
      }
      const payload = this.#payload;
      this.#payload = undefined;
      yield { flags: this.#head[0] ?? 0, payload };
    }
  }
}
