import { Metadata } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { traceOf } from './trace.ts';

function metadataOf(values: Record<string, string>): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(values)) metadata.set(key, value);
  return metadata;
}

describe('What ties the log lines of a call together', () => {
  it("is the gateway's request id and the caller's trace id", () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    expect(traceOf(metadataOf({ 'x-request-id': 'r-17', traceparent }))).toEqual({
      request: 'r-17',
      trace: '4bf92f3577b34da6a3ce929d0e0e4736',
    });
  });

  it('is a random request id where none was given, or one that would spoil the log', () => {
    const made = traceOf(metadataOf({}));
    expect(made.request).toMatch(/^[0-9a-f]{16}$/);
    expect(made).not.toHaveProperty('trace');
    expect(traceOf(metadataOf({ 'x-request-id': 'x'.repeat(65) })).request).toMatch(/^[0-9a-f]{16}$/);
    expect(traceOf(metadataOf({ traceparent: 'not a trace' }))).not.toHaveProperty('trace');
  });
});
