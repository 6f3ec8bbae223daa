// What a stream told of a thread, put in one row: entries as they came, and what was skipped.
import { randomBytes } from 'node:crypto';
import type { Entry } from '#proto/parley/v1/entry.ts';
import type { SkipReason } from '#proto/parley/v1/stream_service.ts';
import type { RawStream } from '../support/raw-stream.ts';

export type Told = { entry: Entry } | { from: bigint; to: bigint; reason: SkipReason };

export function toldOf(stream: RawStream, threadId: string): Told[] {
  return stream.told.flatMap((frame): Told[] => {
    if (frame.$case === 'entriesAppended' && frame.value.threadId === threadId) {
      return frame.value.entries.map((entry) => ({ entry }));
    }
    if (frame.$case === 'skipped' && frame.value.what?.$case === 'threadId' && frame.value.what.value === threadId) {
      const { from, to, reason } = frame.value;
      return [{ from, to, reason }];
    }
    return [];
  });
}

export function entriesOf(stream: RawStream, threadId: string): Entry[] {
  return toldOf(stream, threadId).flatMap((told) => ('entry' in told ? [told.entry] : []));
}

export function skipsOf(stream: RawStream, threadId: string): { from: bigint; to: bigint; reason: SkipReason }[] {
  return toldOf(stream, threadId).flatMap((told) => ('entry' in told ? [] : [told]));
}

/**
 * Everything up to here was told or skipped, each once and in order; the stream's own sends are told by their Reply.
 * @throws where something is missing, doubled or out of order
 */
export function toldUpTo(stream: RawStream, threadId: string): bigint {
  const own = ownOf(stream, threadId);
  let last: bigint | undefined;
  for (const told of toldOf(stream, threadId)) {
    const from = 'entry' in told ? told.entry.sequence : told.from;
    const to = 'entry' in told ? told.entry.sequence : told.to;
    while (last !== undefined && last + 1n < from && own.has(last + 1n)) last += 1n;
    if (last !== undefined && from !== last + 1n) throw new Error(`after ${last} came ${from}`);
    if (to < from) throw new Error(`skipped from ${from} to ${to}`);
    last = to;
  }
  while (last !== undefined && own.has(last + 1n)) last += 1n;
  return last ?? 0n;
}

/** Sequences that the stream's own sends got. */
function ownOf(stream: RawStream, threadId: string): Set<bigint> {
  return new Set(
    stream.all('reply').flatMap(({ result }) => {
      return result?.$case === 'send' && result.value.threadId === threadId ? [result.value.sequence] : [];
    }),
  );
}

/** Text of an entry that is a message. */
export function textOf(entry: Entry): string | undefined {
  if (entry.kind?.$case !== 'message') return undefined;
  const body = entry.kind.value.content?.body;
  return body?.$case === 'text' ? body.value : undefined;
}

/** Text of a size that does not compress. */
export function noise(bytes: number): string {
  return randomBytes(Math.ceil(bytes / 2))
    .toString('hex')
    .slice(0, bytes);
}

/** Acknowledges everything that it is told, at once. */
export function acknowledging(stream: RawStream): RawStream {
  stream.onTold = (frame): void => {
    if (frame.$case !== 'entriesAppended') return;
    const upToSequence = frame.value.entries.at(-1)?.sequence ?? 0n;
    stream.say('ack', { position: { threadId: frame.value.threadId, upToSequence } });
  };
  return stream;
}
