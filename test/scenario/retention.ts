// People in threads that keep nothing, over any platform: what its stores hold, and what devices are told that come too late.
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { HistoryServiceService, ListMessagesRequest } from '#proto/parley/v1/history_service.ts';
import { MessageServiceService, SendMessageRequest } from '#proto/parley/v1/message_service.ts';
import { RetentionServiceService } from '#proto/parley/v1/retention_service.ts';
import type { Platform } from '../../platform/platform.ts';
import { clientId, directThread, People, type Person, sendOn, textContent } from '../support/raw-people.ts';
import type { RawStream } from '../support/raw-stream.ts';
import { acknowledging, entriesOf, textOf, toldUpTo } from './told.ts';

/** Where some words stand, of all that a deployment keeps. */
export type Holding = (words: string) => Promise<string[]>;

/** Words that are in no other place, and that no codec makes shorter. */
const newWords = (): string => `needle ${randomBytes(24).toString('base64url')}`;

const open = (person: Person, deviceId: string): Promise<RawStream> => person.client.open().live({ deviceId });

/** Who still has to have what of a thread. */
async function heldOf(person: Person, threadId: string): Promise<[sequence: bigint, ...waiting: string[]][]> {
  const request = { threadId, pageSize: 0, pageToken: '' };
  const { heldMessages } = await person.client.ask(RetentionServiceService.getRetention, request);
  return heldMessages.map(({ sequence, waitingUserIds }) => [sequence, ...waitingUserIds]);
}

/** With a device that is away when something is said, and one that comes when it is gone. */
export async function lastAcknowledgementErases(platform: Platform, holding: Holding): Promise<string> {
  using people = new People(platform);
  const [alice, bob] = [await people.person('alice'), await people.person('bob')];
  const threadId = await directThread(alice, bob);
  const [phone, his, laptop] = [await open(alice, 'a-phone'), await open(bob, 'b-phone'), await open(bob, 'b-laptop')];
  laptop.cancel();
  await laptop.ended;
  for (const stream of [phone, his]) acknowledging(stream);

  const words = newWords();
  const draft = SendMessageRequest.create({ threadId, clientMessageId: clientId(), content: textContent(words) });
  const first = await alice.client.ask(MessageServiceService.sendMessage, draft);
  const [one] = [first.sequence];
  const two = await sendOn(phone, threadId, words);
  phone.say('ack', { position: { threadId, upToSequence: two } });
  await expect
    .poll(() => heldOf(alice, threadId))
    .toEqual([
      [one, bob.id],
      [two, bob.id],
    ]);
  expect(await holding(words)).not.toEqual([]);

  // Back again, it has both, and says so: the last one.
  const back = acknowledging(await open(bob, 'b-laptop'));
  await back.until(() => toldUpTo(back, threadId) === two);
  expect(entriesOf(back, threadId).map(textOf)).toEqual([undefined, words, words]);
  back.say('ack', { position: { threadId, upToSequence: two } });
  await expect.poll(() => heldOf(alice, threadId), { timeout: 20_000 }).toEqual([]);

  // A device that comes later is told what there was, and that it is gone; so is who reads.
  const late = await open(bob, 'b-tablet');
  await late.until(() => toldUpTo(late, threadId) === two);
  const told = entriesOf(late, threadId).map(({ sequence, ordinal, kind }) => [sequence, ordinal, kind?.$case]);
  expect(told).toEqual([
    [1n, 0n, 'threadCreated'],
    [one, 1n, 'message'],
    [two, 2n, 'message'],
  ]);
  const gone = { content: undefined, erased: true };
  for (const { kind } of entriesOf(late, threadId).slice(1)) expect(kind?.value).toMatchObject(gone);
  const history = HistoryServiceService;
  const entries = await bob.client.ask(history.listEntries, {
    threadId,
    afterSequence: 1n,
    upToSequence: 0n,
    pageSize: 0,
  });
  expect(entries.entries.map(({ kind }) => kind?.value)).toMatchObject([gone, gone]);
  const page = await bob.client.ask(history.listMessages, ListMessagesRequest.create({ threadId }));
  expect(page.messages).toMatchObject([
    { sequence: one, ordinal: 1n, senderId: alice.id, ...gone },
    { sequence: two, ordinal: 2n, senderId: alice.id, ...gone },
  ]);
  // And a retry of what was sent is answered as it was.
  expect(await alice.client.ask(MessageServiceService.sendMessage, draft)).toMatchObject({
    sequence: one,
    ordinal: 1n,
  });
  return words;
}

/**
 * With every node dying as it is about to erase. `restart`: all of them come back, and erase again.
 * @param dying resolves when one has
 */
export async function killedBeforeErasing(
  platform: Platform,
  holding: Holding,
  { dying, restart }: { readonly dying: () => Promise<unknown>; readonly restart: () => Promise<void> },
): Promise<string> {
  const words = newWords();
  let threadId: string;
  let alice: Person;
  {
    using people = new People(platform);
    const bob = await people.person('bob');
    alice = await people.person('alice');
    threadId = await directThread(alice, bob);
    const [phone, his] = [await open(alice, 'phone'), acknowledging(await open(bob, 'phone'))];
    const sequence = await sendOn(phone, threadId, words);
    await his.until(() => toldUpTo(his, threadId) === sequence);
    expect(await holding(words)).not.toEqual([]);
    phone.say('ack', { position: { threadId, upToSequence: sequence } });
    await dying();
  }
  expect(await holding(words)).not.toEqual([]);
  await restart();
  using people = new People(platform);
  const again = await people.again(alice.id);
  await expect.poll(() => heldOf(again, threadId), { timeout: 20_000 }).toEqual([]);
  return words;
}
