// A thread of any length, written as fast as the node takes it: give it limits of people that allow it.
import { ParleyClient } from '../../../clients/core/client.ts';
import { NodeCarrier } from '../../../clients/node/carrier.ts';
import type { Platform } from '../../../platform/platform.ts';

/** A direct thread of Writer's and Reader's, as long as asked for. */
export async function writeLongThread(platform: Platform, messages: number): Promise<string> {
  await using client = new ParleyClient({
    carrier: new NodeCarrier({ target: platform.gateway }),
    getToken: () => platform.token('writer'),
    deviceId: 'writer',
    outbox: { maxDrafts: 2_000, inFlightPerThread: 200 },
    keepItems: 0,
  });
  await client.start();
  const { threadId } = await client.threads.open('reader');
  const pending = new Set<Promise<unknown>>();
  for (let number = 1; number <= messages; number++) {
    const text = `message ${number} ${'and some more of it '.repeat(number % 7)}`.trim();
    const sending = client.send(threadId, text).finally(() => pending.delete(sending));
    pending.add(sending);
    if (pending.size >= 1_000) await Promise.race(pending);
  }
  await Promise.all(pending);
  return threadId;
}
