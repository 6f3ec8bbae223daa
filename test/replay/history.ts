/**
 * What clients were told, one plain record each, appended in the order in which each client was told it. Records of
 * different clients may interleave in any way: nothing is concluded from their order or from `atMs`.
 *
 * A history says nothing that a store said; only what reached an application through its own connection. The checker
 * judges it against what was to be said (see expected.ts). Replay keeps it in memory; tests that outlive a process
 * write it as JSON lines.
 */

export interface Client {
  user: string;
  device: string;
}

/** Sequences are numbers here: no test's log comes near 2^53. */
export type HistoryRecord = { client: Client; atMs: number } & (
  | {
      /** The device exists, and is to hear all that its user may hear in every thread. */
      kind: 'opened';
    }
  | {
      /** A reply: the thread that the expectation calls `label` exists; its first members hear what follows `sequence`. */
      kind: 'created';
      thread: string;
      label: string;
      sequence: number;
    }
  | {
      /** A reply: the message that the expectation calls `ref` is durable at `sequence`. */
      kind: 'sent';
      thread: string;
      ref: string;
      sequence: number;
    }
  | {
      /** A reply: the membership change that the expectation calls `ref` is durable at `sequence`. */
      kind: 'joined' | 'left';
      thread: string;
      ref: string;
      sequence: number;
    }
  | {
      /** A message was handed to the application of `client`. An empty content type means text, in UTF-8. */
      kind: 'heard';
      thread: string;
      sequence: number;
      sender: string;
      contentType: string;
      bytes: Uint8Array;
    }
  | {
      /** `client` was told up to where `user` has the thread: delivered on a device, read by the user. */
      kind: 'position';
      thread: string;
      user: string;
      delivered: number;
      read: number;
    }
);

export function encodeRecord(record: HistoryRecord): string {
  if (record.kind !== 'heard') return JSON.stringify(record);
  return JSON.stringify({ ...record, bytes: Buffer.from(record.bytes).toString('base64') });
}

/** Throws if the line is not what `encodeRecord` wrote, as the last line of a killed process may be. */
export function decodeRecord(line: string): HistoryRecord {
  const record = JSON.parse(line) as HistoryRecord & { bytes?: string };
  if (record.kind !== 'heard') return record;
  return { ...record, bytes: Buffer.from(record.bytes ?? '', 'base64') };
}
