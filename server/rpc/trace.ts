import { randomBytes } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';

/** What ties log lines of one call together, also with those of the gateway and of the caller. */
export interface Trace {
  /** `x-request-id` of the gateway, or a random one. */
  readonly request: string;
  /** Trace id of a W3C `traceparent`; absent without one. */
  readonly trace?: string;
}

const requestPattern = /^[\x21-\x7e]{1,64}$/;
const traceparentPattern = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/;

export function traceOf(metadata: Metadata): Trace {
  const given = text(metadata, 'x-request-id');
  const request = requestPattern.test(given) ? given : randomBytes(8).toString('hex');
  const trace = traceparentPattern.exec(text(metadata, 'traceparent'))?.[1];
  return trace === undefined ? { request } : { request, trace };
}

function text(metadata: Metadata, key: string): string {
  const [value] = metadata.get(key);
  return typeof value === 'string' ? value : '';
}
