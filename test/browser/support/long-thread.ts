// A thread of any length, written as fast as the node takes it: give it limits of people that allow it.
import { ParleyClient } from '../../../clients/core/client.ts';
import { NodeCarrier } from '../../../clients/node/carrier.ts';
import type { Platform } from '../../../platform/platform.ts';

/** A direct thread of Writer's and Reader's, as long as asked for. `from`: the number of its first message. */
export async function writeLongThread(platform: Platform, messages: number, from = 1): Promise<string> {
  await using client = clientOf(platform, 'writer');
  await client.start();
  const { threadId } = await client.threads.open('reader');
  const pending = new Set<Promise<unknown>>();
  for (let number = from; number < from + messages; number++) {
    const text = `message ${number} ${'and some more of it '.repeat(number % 7)}`.trim();
    const sending = client.send(threadId, text).finally(() => pending.delete(sending));
    pending.add(sending);
    if (pending.size >= 1_000) await Promise.race(pending);
  }
  await Promise.all(pending);
  return threadId;
}

/** How many messages of a thread the server has as unread by the reader. */
export async function unreadByReader(platform: Platform, threadId: string): Promise<number> {
  await using client = clientOf(platform, 'reader');
  const { head } = await client.threads.get(threadId);
  return Number(head?.unreadCount);
}

function clientOf(platform: Platform, user: 'writer' | 'reader'): ParleyClient {
  return new ParleyClient({
    carrier: new NodeCarrier({ target: platform.gateway }),
    getToken: () => platform.token(user),
    deviceId: 'native',
    outbox: { maxDrafts: 2_000, inFlightPerThread: 200 },
    keepItems: 0,
  });
}
