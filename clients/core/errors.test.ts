import { describe, expect, test } from 'vitest';
import type { Any } from '#proto/google/protobuf/any.ts';
import { BadRequest, ErrorInfo, RetryInfo } from '#proto/google/rpc/error_details.ts';
import { Status } from '#proto/google/rpc/status.ts';
import { errorOfDetails, errorOfStatus } from './errors.ts';

function any(name: string, value: Uint8Array): Any {
  return { typeUrl: `type.googleapis.com/google.rpc.${name}`, value: Buffer.from(value) };
}

const info = any(
  'ErrorInfo',
  ErrorInfo.encode({ reason: 'RATE_LIMITED', domain: 'parley.chat', metadata: { limit: 'sends' } }).finish(),
);
const retry = any('RetryInfo', RetryInfo.encode({ retryDelay: { seconds: 2n, nanos: 500_000_000 } }).finish());
const bad = any(
  'BadRequest',
  BadRequest.encode({
    fieldViolations: [{ field: 'content.text', description: 'must not be empty' }],
  }).finish(),
);

describe('a status of the server', () => {
  test('gives reason, metadata, fields and the time to wait', () => {
    const error = errorOfStatus({ code: 8, message: 'too fast', details: [info, bad, retry] });
    expect(error).toMatchObject({
      reason: 'RATE_LIMITED',
      code: 8,
      message: 'too fast',
      metadata: { limit: 'sends' },
      fields: [{ field: 'content.text', description: 'must not be empty' }],
      retryAfterMs: 2500,
    });
  });

  test('is read from the bytes of grpc-status-details-bin', () => {
    const bytes = Status.encode({ code: 8, message: 'too fast', details: [info, retry] }).finish();
    expect(errorOfDetails(8, 'too fast', bytes)).toMatchObject({ reason: 'RATE_LIMITED', retryAfterMs: 2500 });
  });

  test('without details has no reason and keeps its code', () => {
    expect(errorOfDetails(14, 'no healthy upstream', undefined)).toMatchObject({ reason: 'NO_REASON', code: 14 });
  });

  test('with damaged details keeps code and message, whatever the bytes', () => {
    const bytes = Status.encode({ code: 8, message: 'x', details: [info] }).finish();
    for (let length = 0; length < bytes.length; length += 1) {
      expect(errorOfDetails(8, 'too fast', bytes.slice(0, length))).toMatchObject({ code: 8, message: 'too fast' });
    }
    expect(
      errorOfDetails(
        8,
        'x',
        Uint8Array.from({ length: 40 }, () => 0xff),
      ).code,
    ).toBe(8);
  });
});
