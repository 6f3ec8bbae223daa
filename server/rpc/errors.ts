import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import type { Any } from '#proto/google/protobuf/any.ts';
import { BadRequest, ErrorInfo, RetryInfo } from '#proto/google/rpc/error_details.ts';
import { Status } from '#proto/google/rpc/status.ts';
import { type Reason, Refusal, catalogue } from '../core/errors.ts';
import { durationToProto } from './convert/time.ts';

/** Domain of every ErrorInfo. */
const errorDomain = 'parley.chat';
const detailsKey = 'grpc-status-details-bin';

/** The gRPC status code that a reason travels as. */
function codeOf(reason: Reason): status {
  return status[catalogue[reason]];
}

/** A refusal as `google.rpc.Status`: one ErrorInfo, and BadRequest or RetryInfo where they help. For Reply.error. */
export function statusOf(refusal: Refusal): Status {
  const info = ErrorInfo.encode({ reason: refusal.reason, domain: errorDomain, metadata: refusal.metadata }).finish();
  const details = [any('ErrorInfo', info)];
  if (refusal.fields.length > 0) {
    const fieldViolations = refusal.fields.map(({ field, description }) => ({ field, description }));
    details.push(any('BadRequest', BadRequest.encode({ fieldViolations }).finish()));
  }
  if (refusal.retryAfterMs !== undefined) {
    details.push(any('RetryInfo', RetryInfo.encode({ retryDelay: durationToProto(refusal.retryAfterMs) }).finish()));
  }
  return { code: codeOf(refusal.reason), message: refusal.message, details };
}

/** A refusal as the status that ends a call or stream, with the same Status in its trailer. */
export function statusObjectOf(refusal: Refusal): StatusObject {
  const metadata = new Metadata();
  metadata.set(detailsKey, Buffer.from(Status.encode(statusOf(refusal)).finish()));
  return { code: codeOf(refusal.reason), details: refusal.message, metadata };
}

/**
 * The refusal that something thrown stands for. What is not from the catalogue is a bug: INTERNAL with the id under which `report` has
 * put the cause into the log.
 */
export function refusalOf(thrown: unknown, report: (cause: unknown) => string): Refusal {
  if (thrown instanceof Refusal) return thrown;
  return new Refusal('INTERNAL', `something failed in the server; request ${report(thrown)}`, { cause: thrown });
}

/** The refusal that another node's answer stands for; undefined when it is none, and the call failed on its way. */
export function refusalOfStatus(answer: Partial<StatusObject>): Refusal | undefined {
  const [bytes] = answer.metadata?.get(detailsKey) ?? [];
  return bytes instanceof Buffer ? refusalFromProto(Status.decode(bytes)) : undefined;
}

/** The refusal that was told; undefined when its reason is none of this release. */
export function refusalFromProto({ message, details }: Status): Refusal | undefined {
  const find = (type: string): Buffer | undefined => details.find(({ typeUrl }) => typeUrl.endsWith(`.${type}`))?.value;
  const info = find('ErrorInfo');
  const { reason, metadata } = info === undefined ? { reason: '', metadata: {} } : ErrorInfo.decode(info);
  if (!Object.hasOwn(catalogue, reason)) return undefined;
  const [request, retry] = [find('BadRequest'), find('RetryInfo')];
  const delay = retry === undefined ? undefined : RetryInfo.decode(retry).retryDelay;
  return new Refusal(reason as Reason, message, {
    metadata,
    ...(request === undefined ? {} : { fields: BadRequest.decode(request).fieldViolations }),
    ...(delay === undefined ? {} : { retryAfterMs: Number(delay.seconds) * 1_000 + delay.nanos / 1e6 }),
  });
}

function any(type: string, value: Uint8Array): Any {
  return { typeUrl: `type.googleapis.com/google.rpc.${type}`, value: Buffer.from(value) };
}
