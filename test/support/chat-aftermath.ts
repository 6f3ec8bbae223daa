// What a ChatLoad looks at when all is said: the logs by plain calls, and who has what.
import { HistoryServiceService } from '#proto/parley/v1/history_service.ts';
import { until } from '../../platform/wait.ts';
import type { Client, HistoryRecord } from '../replay/history.ts';
import type { ChatDevice } from './chat-device.ts';
import type { LoadThread } from './chat-scene.ts';
import type { RawClient } from './raw-client.ts';
import type { Person } from './raw-people.ts';

type Tell = (record: HistoryRecord) => void;

/** A user's whole threads by plain calls, heard as by one more device. Throws where a sequence is missing. */
export async function readLogs({ id, client }: Person, threads: readonly LoadThread[], tell: Tell): Promise<void> {
  const reader: Client = { user: id, device: 'reader of logs' };
  tell({ client: reader, atMs: performance.now(), kind: 'opened' });
  for (const thread of threads) {
    if (thread.expected.initial.includes(id)) await readLog(client, reader, thread, tell);
  }
}

async function readLog(client: RawClient, reader: Client, { id, expected }: LoadThread, tell: Tell): Promise<void> {
  const { label } = expected;
  for (let held = 0n; ;) {
    const request = { threadId: id, afterSequence: held, upToSequence: 0n, pageSize: 1_000 };
    const { entries, head } = await client.ask(HistoryServiceService.listEntries, request);
    for (const { sequence, kind, senderId } of entries) {
      if (sequence !== held + 1n) throw new Error(`${label}: entry ${sequence} follows ${held}`);
      held = sequence;
      if (kind?.$case !== 'message') continue;
      const bytes = Buffer.from(kind.value.content?.body?.value ?? '');
      const heard = { thread: id, sequence: Number(sequence), sender: senderId, contentType: '', bytes };
      tell({ client: reader, atMs: performance.now(), kind: 'heard', ...heard });
    }
    if (held === head?.sequence) return;
    if (entries.length === 0) throw new Error(`${label}: the log ends at ${held}, its head is ${head?.sequence}`);
  }
}

/** Each member asks who has what until all have read the last message, and is recorded as told. */
export async function readPositions({ id, expected, last }: LoadThread, devices: readonly ChatDevice[]): Promise<void> {
  for (const user of expected.initial) {
    const asker = devices.find(({ client }) => client.user === user) as ChatDevice;
    await until(
      async () => {
        const { receipts } = await asker.parley.receipts.list(id, { pageSize: 500 });
        for (const { userId, deliveredSequence, readSequence } of receipts) {
          const told = { user: userId, delivered: Number(deliveredSequence), read: Number(readSequence) };
          asker.tell({ kind: 'position', thread: id, ...told });
        }
        // Who wrote the last has read it before a device of theirs says that it holds it.
        const isThere = (sequence: bigint): boolean => Number(sequence) >= last;
        return receipts.every((one) => isThere(one.readSequence) && isThere(one.deliveredSequence)) || undefined;
      },
      { what: `${expected.label} to be held and read by all`, withinMs: 20_000, everyMs: 100 },
    );
  }
}
