import { expect, test } from 'vitest';
import { ClientFrame, SubmitRequest } from '#proto/parley/v1/stream_service.ts';
import { fitting } from './batches.ts';

/** More than this is refused unread, which ends the client for good. */
const mostBytes = 256 * 1024;

function bytesOf(frames: readonly ClientFrame[]): number {
  return SubmitRequest.encode({ sessionId: '', number: 0n, frames: frames.slice(0, fitting(frames)) }).finish().length;
}

test('many lists of users that were watched while a request was on its way fit into the next ones', () => {
  const userIds = Array.from({ length: 200 }, (_, n) => `user-with-a-name-${n}`);
  const watch: ClientFrame = { requestId: 1n, frame: { $case: 'watchPresence', value: { userIds } } };
  const frames = Array.from({ length: 250 }, () => watch);
  expect(bytesOf(frames)).toBeLessThanOrEqual(mostBytes);
  // No more of them than must be are left for later.
  expect(fitting(frames)).toBeGreaterThan(15);
});

test('a long token fits behind messages that leave it no room, in the next one', () => {
  const send = (length: number) =>
    ClientFrame.fromPartial({
      frame: { $case: 'send', value: { content: { body: { $case: 'text', value: '汉'.repeat(length) } } } },
    });
  const token = 'e'.repeat(8000);
  const frames = [...Array.from({ length: 3 }, () => send(21_800)), send(20_000)];
  const reauthenticate: ClientFrame = { requestId: 1n, frame: { $case: 'reauthenticate', value: { token } } };
  expect(fitting(frames)).toBe(4);
  expect(bytesOf([...frames, reauthenticate])).toBeLessThanOrEqual(mostBytes);
});

test('frames without anything in them, and of kinds that are small, go together up to the most there may be', () => {
  const beat: ClientFrame = { requestId: 0n, frame: { $case: 'heartbeat', value: { foreground: true } } };
  const frames = Array.from({ length: 300 }, (_, n): ClientFrame =>
    n === 0 ? { requestId: 0n, frame: undefined } : beat,
  );
  expect(fitting(frames)).toBe(256);
});
