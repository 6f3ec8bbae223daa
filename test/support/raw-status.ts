// How a call, a stream or a frame was refused, with the raw details kept: two refusals are compared byte for byte.
import type { Metadata, StatusObject } from '@grpc/grpc-js';
import { status as codes } from '@grpc/grpc-js';
import { BadRequest, ErrorInfo, RetryInfo } from '#proto/google/rpc/error_details.ts';
import { Status } from '#proto/google/rpc/status.ts';

export type RawStatus = {
  /** Name of the gRPC status, such as `OK` or `NOT_FOUND`. */
  code: string;
  message: string;
  /** `reason` of the one ErrorInfo; undefined when there is none. */
  reason: string | undefined;
  domain: string | undefined;
  metadata: Record<string, string>;
  /** Paths that BadRequest names. */
  fields: string[];
  retryAfterMs: number | undefined;
  /** The google.rpc.Status as it came; empty when there was none. */
  bytes: Buffer;
};

/** Of a trailer. */
export function statusOf(status: Pick<StatusObject, 'code' | 'details'> & { metadata?: Metadata }): RawStatus {
  const trailer = status.metadata?.get('grpc-status-details-bin')[0];
  const bytes = trailer instanceof Buffer ? trailer : Buffer.alloc(0);
  return parse(status.code, status.details, bytes);
}

/** Of a Reply's error. */
export function statusOfReply(error: Status): RawStatus {
  return parse(error.code, error.message, Buffer.from(Status.encode(error).finish()));
}

function parse(code: number, message: string, bytes: Buffer): RawStatus {
  const details = Status.decode(bytes).details;
  const of = (type: string): Buffer[] =>
    details.filter((detail) => detail.typeUrl === `type.googleapis.com/google.rpc.${type}`).map(({ value }) => value);
  const infos = of('ErrorInfo').map((value) => ErrorInfo.decode(value));
  if (infos.length > 1) throw new Error(`a status holds ${infos.length} ErrorInfos; it may hold one`);
  const delay = of('RetryInfo').map((value) => RetryInfo.decode(value))[0]?.retryDelay;
  return {
    code: codes[code] ?? String(code),
    message,
    reason: infos[0]?.reason,
    domain: infos[0]?.domain,
    metadata: infos[0]?.metadata ?? {},
    fields: of('BadRequest').flatMap((value) => BadRequest.decode(value).fieldViolations.map(({ field }) => field)),
    retryAfterMs: delay === undefined ? undefined : Number(delay.seconds) * 1000 + delay.nanos / 1e6,
    bytes,
  };
}
