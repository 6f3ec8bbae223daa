// The disk of a running node is full for a while, under load: sends are refused in words and kept by the outboxes, reads
// and new streams go on, and what was held back goes out when there is room again. The store alone: store-disk.test.ts.
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Entry } from '#proto/parley/v1/entry.ts';
import { HistoryServiceService } from '#proto/parley/v1/history_service.ts';
import { MessageServiceService, SendMessageRequest } from '#proto/parley/v1/message_service.ts';
import { startPlatform } from '../../platform/platform.ts';
import { until } from '../../platform/wait.ts';
import { ChatLoad, faultless } from '../support/chat-load.ts';
import { People, type Person, clientId, directThread, post, textContent } from '../support/raw-people.ts';
import { seedOfRun } from '../support/seed.ts';
import { needs } from '../support/skip.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { unlimited } from '../support/unlimited.ts';

const draftOf = (threadId: string, text: string): SendMessageRequest =>
  SendMessageRequest.create({ threadId, clientMessageId: clientId(), content: textContent(text) });

async function entriesFrom(reader: Person, threadId: string, from: bigint): Promise<Entry[]> {
  const request = { threadId, afterSequence: from - 1n, upToSequence: 0n, pageSize: 1_000 };
  return (await reader.client.ask(HistoryServiceService.listEntries, request)).entries;
}

needs('mount')('a full disk', () => {
  test('refuses sends, serves reads, and loses nothing that was acknowledged', { timeout: 300_000 }, async () => {
    const seed = seedOfRun('full disk');
    await using disk = await SmallDisk.make(128);
    await using platform = await startPlatform({ env: { ...unlimited, PARLEY_DATA: path.join(disk.folder, 'store') } });
    const [node] = platform.nodes;
    using people = new People(platform);
    const [eve, frank] = [await people.person('eve'), await people.person('frank')];
    const threadId = await directThread(eve, frank);
    const before = await post(eve, threadId, 'before');
    // Strict order of an author holds through refusals when one draft at a time is under way.
    await using load = await ChatLoad.open(platform, { seed, inFlight: 1 });
    await load.talk();
    for (const round of ['first', 'second']) {
      await load.untilAnswered(200);
      await disk.fill();
      const { draft, status } = await until(
        async () => {
          // A new one each time: a repeat of one that was taken is answered without a disk.
          const sending = draftOf(threadId, round);
          const answer = await eve.client.call(MessageServiceService.sendMessage, sending);
          return answer.status.code === 'OK' ? undefined : { draft: sending, status: answer.status };
        },
        { what: 'a send to be refused', withinMs: 10_000 },
      );
      expect(status).toMatchObject({ code: 'UNAVAILABLE', reason: 'STORE_UNAVAILABLE' });
      expect((await fetch(`http://${node?.metrics}/readyz`)).status).toBe(503);

      expect((await entriesFrom(frank, threadId, before)).map((entry) => entry.sequence)).toContain(before);
      const stream = await frank.client.open().live({ deviceId: `d-${round}` });
      expect(stream.all('caughtUp')).toHaveLength(1);
      stream.cancel();

      await disk.free();
      // Nobody helps: eve repeats her send, the others' outboxes theirs.
      const sent = await until(async () => (await eve.client.call(MessageServiceService.sendMessage, draft)).response, {
        what: 'the same send to be taken',
        withinMs: 30_000,
      });
      const kept = (await entriesFrom(frank, threadId, before)).filter(
        (entry) => entry.clientMessageId === draft.clientMessageId,
      );
      expect(kept.map((entry) => entry.sequence)).toEqual([sent.sequence]);
      await load.untilAnswered(200);
    }
    expect(await load.finish(), `PARLEY_SEED=${seed}`).toMatchObject(faultless);
  });
});
