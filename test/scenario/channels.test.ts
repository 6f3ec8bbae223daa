// Live comments as clients use them: through the gateway, by unary calls and on streams.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChannelServiceService, ListCommentsRequest } from '#proto/parley/v1/channel_service.ts';
import { DeliveryClass, SkipReason } from '#proto/parley/v1/stream_service.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { clientId, People, type Person } from '../support/raw-people.ts';
import type { RawStream } from '../support/raw-stream.ts';
import { unlimited } from '../support/unlimited.ts';

let platform: Platform;
let people: People;
let alice: Person;
let bob: Person;

beforeAll(async () => {
  platform = await startPlatform({ env: unlimited });
  people = new People(platform);
  alice = await people.person('alice');
  bob = await people.person('bob');
});
afterAll(async () => {
  people[Symbol.dispose]();
  await platform.stop();
});

const draft = (channelId: string, text: string) => ({
  channelId,
  clientMessageId: clientId(),
  text,
  replyTo: 0n,
  mentionIds: [] as string[],
});

const comments = (stream: RawStream, channelId: string): string[] =>
  stream
    .all('commentBatch')
    .filter((batch) => batch.channelId === channelId)
    .flatMap((batch) => batch.comments.map(({ text }) => text));

async function listen(person: Person, channelId: string, deliveryClass: DeliveryClass): Promise<RawStream> {
  const stream = await person.client.open().live({ deviceId: `d-${clientId()}` });
  const { error } = await stream.request('subscribe', {
    target: { $case: 'channelId', value: channelId },
    deliveryClass,
  });
  expect(error).toBeUndefined();
  return stream;
}

test('a comment by a call and one on a stream are numbered, heard and listed', async () => {
  const channelId = `post.${clientId()}`;
  const stream = await listen(alice, channelId, DeliveryClass.DELIVERY_CLASS_EVERYTHING);
  const first = await bob.client.ask(ChannelServiceService.publishComment, draft(channelId, 'one'));
  expect(first.comment?.number).toBe(1n);
  const onStream = await stream.request('publishComment', draft(channelId, 'two'));
  expect(onStream.reply.result).toMatchObject({ $case: 'comment', value: { number: 2n, duplicate: false } });
  await stream.until(() => comments(stream, channelId).length === 2);
  expect(comments(stream, channelId)).toEqual(['one', 'two']);
  const { channel } = stream.all('channelChanged')[0] ?? {};
  expect(channel).toMatchObject({ channelId, publishedCount: 0n, closed: false });
  const listed = await bob.client.ask(
    ChannelServiceService.listComments,
    ListCommentsRequest.fromPartial({ channelId, pageSize: 1 }),
  );
  expect(listed.comments.map(({ text }) => text)).toEqual(['two']);
  const rest = await bob.client.ask(
    ChannelServiceService.listComments,
    ListCommentsRequest.fromPartial({ channelId, pageSize: 1, pageToken: listed.nextPageToken }),
  );
  expect(rest.comments.map(({ text }) => text)).toEqual(['one']);
  stream.end();
});

test('the same comment twice is one, and its id with another text is refused', async () => {
  const channelId = `post.${clientId()}`;
  const one = draft(channelId, 'once');
  const first = await bob.client.ask(ChannelServiceService.publishComment, one);
  const again = await bob.client.ask(ChannelServiceService.publishComment, one);
  expect(again).toMatchObject({ duplicate: true, epoch: first.epoch, comment: { number: first.comment?.number } });
  const other = await bob.client.call(ChannelServiceService.publishComment, { ...one, text: 'other' });
  expect(other.status.reason).toBe('ID_REUSED');
});

test('what cannot be is refused with the field that is wrong', async () => {
  const refused = async (change: object): Promise<string | undefined> => {
    const answer = await bob.client.call(ChannelServiceService.publishComment, { ...draft('post.x', 'hi'), ...change });
    return answer.status.message;
  };
  expect(await refused({ channelId: 'no spaces' })).toContain('channel_id');
  expect(await refused({ text: '' })).toContain('text');
  expect(await refused({ text: 'x'.repeat(2_001) })).toContain('text');
  expect(await refused({ clientMessageId: '' })).toContain('client_message_id');
  expect(await refused({ mentionIds: Array.from({ length: 11 }, (_, at) => `u${at}`) })).toContain('mention_ids');
});

test('who comes back with the last number is told what is kept of the rest', async () => {
  const channelId = `post.${clientId()}`;
  const first = await listen(alice, channelId, DeliveryClass.DELIVERY_CLASS_EVERYTHING);
  const { epoch } = await bob.client.ask(ChannelServiceService.publishComment, draft(channelId, 'one'));
  await first.until(() => comments(first, channelId).length === 1);
  first.end();
  await first.ended;
  for (const text of ['two', 'three'])
    await bob.client.ask(ChannelServiceService.publishComment, draft(channelId, text));
  const again = await alice.client.open().live({ deviceId: `d-${clientId()}` });
  await again.request('subscribe', { target: { $case: 'channelId', value: channelId }, afterNumber: 1n, epoch });
  expect(comments(again, channelId)).toEqual(['two', 'three']);
  again.end();
});

test('a sampled listener accounts for every comment, and hears fewer than there are', async () => {
  const channelId = `post.${clientId()}`;
  const stream = await alice.client.open().live({ deviceId: `d-${clientId()}` });
  await stream.request('subscribe', {
    target: { $case: 'channelId', value: channelId },
    deliveryClass: DeliveryClass.DELIVERY_CLASS_SAMPLED,
    maxRate: 2,
  });
  const said = 60;
  await Promise.all(
    Array.from({ length: said }, (_, at) =>
      bob.client.ask(ChannelServiceService.publishComment, draft(channelId, `c${at}`)),
    ),
  );
  await stream.until(() => stream.all('commentBatch').at(-1)?.toNumber === BigInt(said));
  let next = 1n;
  let received = 0;
  for (const batch of stream.all('commentBatch')) {
    expect(batch.fromNumber).toBe(next);
    next = batch.toNumber + 1n;
    received += batch.comments.length;
  }
  expect(received).toBeGreaterThan(0);
  expect(received).toBeLessThan(said);
  expect(stream.all('skipped').filter(({ reason }) => reason === SkipReason.SKIP_REASON_TOO_SLOW)).toEqual([]);
  stream.end();
});
