// Talking without a stream: what a device that was woken for a second, or another service, can do.
import { NotificationLevel } from '#proto/parley/v1/notification.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MemberRole, ThreadKind } from '#proto/parley/v1/entry.ts';
import {
  type DeepPartial,
  HistoryServiceService,
  ListMessagesRequest,
  type ListMessagesResponse,
} from '#proto/parley/v1/history_service.ts';
import {
  DeleteMessageRequest,
  EditMessageRequest,
  MessageServiceService,
  ReactRequest,
  SendMessageRequest,
} from '#proto/parley/v1/message_service.ts';
import { ReceiptServiceService } from '#proto/parley/v1/receipt_service.ts';
import { ThreadServiceService } from '#proto/parley/v1/thread_service.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { People, type Person, clientId, directThread, post, textContent } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';

let platform: Platform;
let people: People;
let alice: Person;
let bob: Person;
let threadId: string;

beforeAll(async () => {
  platform = await startPlatform({ direct: true, env: unlimited });
  people = new People(platform);
  alice = await people.person('alice');
  bob = await people.person('bob');
  threadId = await directThread(alice, bob);
});
afterAll(async () => {
  people[Symbol.dispose]();
  await platform.stop();
});

const list = (by: Person, request: DeepPartial<ListMessagesRequest> = {}): Promise<ListMessagesResponse> =>
  by.client.ask(HistoryServiceService.listMessages, ListMessagesRequest.fromPartial({ threadId, ...request }));

test('a message with all that it may hold comes back whole, edited, reacted to and deleted', async () => {
  const first = await post(bob, threadId, 'what is it?');
  const sent = await alice.client.ask(
    MessageServiceService.sendMessage,
    SendMessageRequest.create({
      threadId,
      clientMessageId: clientId(),
      knownHead: first,
      replyTo: first,
      mentionIds: [bob.id],
      attachments: [{ uri: 'https://files.test/1', contentType: 'image/png', name: 'ü.png', sizeBytes: 2n ** 40n }],
      content: { body: { $case: 'opaque', value: Buffer.from([0, 255]) }, contentType: 'application/x' },
      deviceId: 'phone-1',
    }),
  );
  const get = async (): Promise<unknown> => {
    const { message } = await bob.client.ask(HistoryServiceService.getMessage, { threadId, sequence: sent.sequence });
    return message;
  };
  const posted = {
    sequence: sent.sequence,
    ordinal: sent.ordinal,
    senderId: alice.id,
    senderDeviceId: 'phone-1',
    createTime: sent.createTime,
    content: { body: { $case: 'opaque', value: Buffer.from([0, 255]) }, contentType: 'application/x' },
    replyTo: first,
    mentionIds: [bob.id],
    attachments: [{ uri: 'https://files.test/1', contentType: 'image/png', name: 'ü.png', sizeBytes: 2n ** 40n }],
    editSequence: 0n,
    deleteSequence: 0n,
    reactions: [],
  };
  expect(await get()).toMatchObject(posted);

  const target = { threadId, targetSequence: sent.sequence };
  const { sequence: reacted } = await bob.client.ask(
    MessageServiceService.react,
    ReactRequest.create({ ...target, clientMessageId: clientId(), emoji: '👩‍👩‍👧' }),
  );
  const { sequence: edited } = await alice.client.ask(
    MessageServiceService.editMessage,
    EditMessageRequest.create({ ...target, clientMessageId: clientId(), content: textContent('an image') }),
  );
  expect(edited).toBe(reacted + 1n);
  expect(await get()).toMatchObject({
    content: textContent('an image'),
    attachments: [],
    mentionIds: [],
    editSequence: edited,
    reactions: [{ emoji: '👩‍👩‍👧', count: 1, mine: true }],
  });
  const { sequence: deleted } = await alice.client.ask(
    MessageServiceService.deleteMessage,
    DeleteMessageRequest.create({ ...target, clientMessageId: clientId() }),
  );
  expect(await get()).toMatchObject({ content: undefined, reactions: [], deleteSequence: deleted, replyTo: first });
  const { entries, head } = await bob.client.ask(HistoryServiceService.listEntries, {
    threadId,
    afterSequence: first,
    upToSequence: 0n,
    pageSize: 0,
  });
  expect(entries.map(({ kind }) => kind?.$case)).toEqual([
    'message',
    'reactionChanged',
    'messageEdited',
    'messageDeleted',
  ]);
  expect(entries[2]?.kind).toMatchObject({ value: { content: undefined } });
  expect(head).toMatchObject({ sequence: deleted, visibleFromSequence: 1n, member: true });
});

test('pages go to both ends from the middle', async () => {
  const texts = Array.from({ length: 12 }, (_, index) => `line ${index}`);
  const sequences: bigint[] = [];
  for (const text of texts) sequences.push(await post(alice, threadId, text));
  const middle = sequences[6] ?? 0n;
  const anchor = { $case: 'aroundSequence' as const, value: middle };
  const page = await list(bob, { pageSize: 4, anchor });
  expect(page.messages.map(({ sequence }) => sequence)).toEqual(sequences.slice(5, 9));
  const newer = await list(bob, { pageSize: 4, anchor, pageToken: page.newerPageToken });
  expect(newer.messages.map(({ sequence }) => sequence)).toEqual(sequences.slice(9));
  expect(newer.newerPageToken).toBe('');
  const older = await list(bob, { pageSize: 5, anchor, pageToken: page.olderPageToken });
  expect(older.messages.map(({ sequence }) => sequence)).toEqual(sequences.slice(0, 5));
  const time = page.messages[0]?.createTime;
  const around = await list(bob, { pageSize: 200, anchor: { $case: 'aroundTime', value: time ?? { seconds: 0n } } });
  expect(around.messages.map(({ sequence }) => sequence)).toContain(sequences[5]);
});

test('the thread list shows what is unread and what was said last; reading and acknowledging are told to the other', async () => {
  const last = await post(alice, threadId, 'the last word');
  const listOf = async (by: Person) => {
    const request = {
      pageSize: 0,
      pageToken: '',
      archived: false,
      notificationLevel: NotificationLevel.NOTIFICATION_LEVEL_UNSPECIFIED,
    };
    const { threads } = await by.client.ask(ThreadServiceService.listThreads, request);
    return threads.find((thread) => thread.threadId === threadId);
  };
  const before = await listOf(bob);
  expect(before).toMatchObject({
    kind: ThreadKind.THREAD_KIND_DIRECT,
    peerId: alice.id,
    role: MemberRole.MEMBER_ROLE_MEMBER,
    memberCount: 2,
    lastMessage: { sequence: last, content: textContent('the last word') },
  });
  expect(before?.head?.unreadCount).toBeGreaterThan(0n);
  const positions = [{ threadId, upToSequence: last }];
  await bob.client.ask(ReceiptServiceService.acknowledge, { deviceId: 'phone-2', positions });
  await bob.client.ask(ReceiptServiceService.markRead, { positions });
  expect((await listOf(bob))?.head).toMatchObject({ unreadCount: 0n, readSequence: last });
  const { receipts } = await alice.client.ask(ReceiptServiceService.listReceipts, {
    threadId,
    pageSize: 0,
    pageToken: '',
  });
  const theirs = receipts.find((receipt) => receipt.userId === bob.id);
  expect(theirs).toMatchObject({ deliveredSequence: last, readSequence: last });
  const ahead = await bob.client.call(ReceiptServiceService.markRead, {
    positions: [{ threadId, upToSequence: last + 1n }],
  });
  expect(ahead.status.reason).toBe('POSITION_AHEAD');
});

test('a send is idempotent by its id, conditional when asked, and answers with what it got', async () => {
  const clientMessageId = clientId();
  const send = (text: string, more: DeepPartial<SendMessageRequest> = {}) =>
    alice.client.call(
      MessageServiceService.sendMessage,
      SendMessageRequest.fromPartial({ threadId, clientMessageId, content: textContent(text), ...more }),
    );
  const [one, two] = await Promise.all([send('once'), send('once')]);
  const sequence = one.response?.sequence ?? 0n;
  expect(two.response?.sequence).toBe(sequence);
  expect(new Set([one.response?.duplicate, two.response?.duplicate])).toEqual(new Set([false, true]));
  expect((await send('twice')).status).toMatchObject({ code: 'ALREADY_EXISTS', reason: 'ID_REUSED' });
  const late = await send('next', { clientMessageId: clientId(), expectedSequence: sequence });
  expect(late.status).toMatchObject({ code: 'ABORTED', reason: 'SEQUENCE_MISMATCH' });
  const due = await send('next', { clientMessageId: clientId(), expectedSequence: sequence + 1n });
  expect(due.response?.sequence).toBe(sequence + 1n);
});

test('own settings of a thread are kept whole, on every device', async () => {
  const settings = {
    muteUntilTime: { seconds: 4_000_000_000n, nanos: 0 },
    pinned: true,
    archived: false,
    notificationLevel: NotificationLevel.NOTIFICATION_LEVEL_UNSPECIFIED,
  };
  await alice.client.ask(ThreadServiceService.updateThreadSettings, { threadId, settings });
  const again = await people.again(alice.id);
  const { thread } = await again.client.ask(ThreadServiceService.getThread, { threadId });
  expect(thread?.settings).toEqual(settings);
  const { thread: theirs } = await bob.client.ask(ThreadServiceService.getThread, { threadId });
  expect(theirs?.settings).toMatchObject({ pinned: false, muteUntilTime: undefined });
});
