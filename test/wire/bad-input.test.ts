// Mistakes in a frame: each is answered with its typed reason, changes nothing, and the session goes on. The table is
// that of proto/README.md, "Mistakes and what they cost"; what ends a stream is in breach.test.ts.
import { BinaryWriter } from '@bufbuild/protobuf/wire';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { HistoryServiceService } from '#proto/parley/v1/history_service.ts';
import { MessageServiceService, SendMessageRequest } from '#proto/parley/v1/message_service.ts';
import type { ClientFrame, DeepPartial } from '#proto/parley/v1/stream_service.ts';
import { ThreadServiceService } from '#proto/parley/v1/thread_service.ts';
import {
  People,
  type Person,
  clientId,
  directThread,
  groupOf,
  post,
  sendOn,
  textContent,
} from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';
import type { RawStream } from '../support/raw-stream.ts';

let platform: Platform;
let people: People;
let alice: Person;
let bob: Person;
let threadId: string;
let stream: RawStream;

beforeAll(async () => {
  platform = await startPlatform({ env: unlimited });
  people = new People(platform);
  alice = await people.person('alice');
  bob = await people.person('bob');
  threadId = await directThread(alice, bob);
  stream = await alice.client.open().live({ deviceId: 'd1' });
});
afterAll(async () => {
  people[Symbol.dispose]();
  await platform.stop();
});

type Frame = NonNullable<ClientFrame['frame']>;
type Mistake = { what: string; frame: DeepPartial<Frame>; reason: string; field?: string };

const send = (value: DeepPartial<Extract<Frame, { $case: 'send' }>['value']>): DeepPartial<Frame> => ({
  $case: 'send',
  value: { threadId, clientMessageId: clientId(), content: textContent('x'), ...value },
});

/** Made when the test runs: the thread's id is not known before. */
function mistakes(): Mistake[] {
  const tooMuch = 'x'.repeat(65_537);
  const foreign = `g_${'A'.repeat(43)}`;
  return [
    { what: 'text over the limit', frame: send({ content: textContent(tooMuch) }), reason: 'TOO_LARGE' },
    {
      what: 'opaque bytes over the limit',
      frame: send({ content: { body: { $case: 'opaque', value: Buffer.from(tooMuch) }, contentType: 'a/b' } }),
      reason: 'TOO_LARGE',
    },
    {
      what: 'empty text',
      frame: send({ content: textContent('') }),
      reason: 'INVALID_FIELD',
      field: 'send.content.text',
    },
    {
      what: 'no content',
      frame: { $case: 'send', value: { threadId, clientMessageId: 'a' } },
      reason: 'INVALID_FIELD',
      field: 'send.content',
    },
    {
      what: 'opaque bytes without a content type',
      frame: send({ content: { body: { $case: 'opaque', value: Buffer.from('x') } } }),
      reason: 'INVALID_FIELD',
      field: 'send.content.content_type',
    },
    {
      what: 'no client_message_id',
      frame: send({ clientMessageId: '' }),
      reason: 'INVALID_FIELD',
      field: 'send.client_message_id',
    },
    {
      what: 'a client_message_id with a control character',
      frame: send({ clientMessageId: 'a\u0000b' }),
      reason: 'INVALID_FIELD',
      field: 'send.client_message_id',
    },
    {
      what: 'a client_message_id of 65 bytes',
      frame: send({ clientMessageId: 'a'.repeat(65) }),
      reason: 'INVALID_FIELD',
      field: 'send.client_message_id',
    },
    {
      what: 'a thread id with a control character',
      frame: send({ threadId: 'd_\u0007' }),
      reason: 'INVALID_FIELD',
      field: 'send.thread_id',
    },
    {
      what: 'a mention with a line break',
      frame: send({ mentionIds: ['bob\nadmin'] }),
      reason: 'INVALID_FIELD',
      field: 'send.mention_ids[0]',
    },
    {
      what: '51 mentions',
      frame: send({ mentionIds: Array.from({ length: 51 }, (_, n) => `u${n}`) }),
      reason: 'INVALID_FIELD',
      field: 'send.mention_ids',
    },
    {
      what: '21 attachments',
      frame: send({ attachments: Array.from({ length: 21 }, () => ({ uri: 'https://a/b' })) }),
      reason: 'INVALID_FIELD',
      field: 'send.attachments',
    },
    {
      what: 'a send to a thread that is not one’s own',
      frame: send({ threadId: foreign }),
      reason: 'THREAD_NOT_FOUND',
    },
    { what: 'a sequence that is not next', frame: send({ expectedSequence: 999n }), reason: 'SEQUENCE_MISMATCH' },
    {
      what: 'an ack from the future',
      frame: { $case: 'ack', value: { position: { threadId, upToSequence: 1_000_000n } } },
      reason: 'POSITION_AHEAD',
    },
    {
      what: 'an ack of the highest sequence there can be',
      frame: { $case: 'ack', value: { position: { threadId, upToSequence: 0x7fff_ffff_ffff_ffffn } } },
      reason: 'POSITION_AHEAD',
    },
    { what: 'an ack of nothing', frame: { $case: 'ack', value: {} }, reason: 'INVALID_FIELD', field: 'ack.position' },
    {
      what: 'an ack of a foreign thread',
      frame: { $case: 'ack', value: { position: { threadId: foreign, upToSequence: 1n } } },
      reason: 'THREAD_NOT_FOUND',
    },
    {
      what: 'a read position from the future',
      frame: { $case: 'markRead', value: { position: { threadId, upToSequence: 1_000_000n } } },
      reason: 'POSITION_AHEAD',
    },
    {
      what: 'typing in a foreign thread',
      frame: { $case: 'typing', value: { threadId: foreign, active: true } },
      reason: 'THREAD_NOT_FOUND',
    },
    {
      what: 'a raw topic name as a thread',
      frame: { $case: 'subscribe', value: { target: { $case: 'threadId', value: `thread:${threadId}` } } },
      reason: 'INVALID_FIELD',
      field: 'subscribe.thread_id',
    },
    {
      what: 'another user’s topic as a thread',
      frame: { $case: 'subscribe', value: { target: { $case: 'threadId', value: 'user:bob' } } },
      reason: 'INVALID_FIELD',
      field: 'subscribe.thread_id',
    },
    {
      what: 'a subscription to nothing',
      frame: { $case: 'subscribe', value: {} },
      reason: 'INVALID_FIELD',
      field: 'subscribe.target',
    },
    {
      what: 'a subscription to a foreign thread',
      frame: { $case: 'subscribe', value: { target: { $case: 'threadId', value: foreign } } },
      reason: 'THREAD_NOT_FOUND',
    },
    {
      what: 'a watched user with a control character',
      frame: { $case: 'watchPresence', value: { userIds: ['a', 'b\u009f'] } },
      reason: 'INVALID_FIELD',
      field: 'watch_presence.user_ids[1]',
    },
    {
      what: '201 watched users',
      frame: { $case: 'watchPresence', value: { userIds: Array.from({ length: 201 }, (_, n) => `u${n}`) } },
      reason: 'LIMIT_REACHED',
    },
    {
      what: 'a new token that is none',
      frame: { $case: 'reauthenticate', value: { token: 'open-sesame' } },
      reason: 'TOKEN_INVALID',
    },
    { what: 'no new token', frame: { $case: 'reauthenticate', value: {} }, reason: 'TOKEN_MISSING' },
  ];
}

describe('a mistake in a frame', () => {
  test('is refused with its typed reason, names its field, and the session goes on', async () => {
    const found: unknown[] = [];
    for (const { what, frame, field } of mistakes()) {
      const { error } = await stream.requestFrame(frame);
      found.push([what, error?.reason, error?.domain, ...(field === undefined ? [] : [error?.fields])]);
    }
    expect(found).toEqual(
      mistakes().map(({ what, reason, field }) => [
        what,
        reason,
        'parley.chat',
        ...(field === undefined ? [] : [[field]]),
      ]),
    );
    expect(stream.all('goodbye')).toEqual([]);
  });

  test('without a request id is dropped without a word', async () => {
    const before = stream.told.length;
    for (const { frame } of mistakes()) stream.sendFrames({ frame } as DeepPartial<ClientFrame>);
    const { error } = await stream.request('ack', { position: { threadId, upToSequence: 1n } });
    expect(error).toBeUndefined();
    expect(stream.told.slice(before).map(({ $case }) => $case)).toEqual(['reply']);
  });

  test('is counted by its kind and reason, with or without a request id', async () => {
    const counted = async (): Promise<number> => {
      const metrics = await (await fetch(`http://${platform.nodes[0]?.metrics}/metrics`)).text();
      const line = /^parley_frames_refused_total\{kind="ack",reason="POSITION_AHEAD"\} (\d+)$/m.exec(metrics);
      return Number(line?.[1] ?? 0);
    };
    const before = await counted();
    const ahead = { position: { threadId, upToSequence: 1_000_000n } };
    stream.say('ack', ahead);
    await stream.request('ack', ahead);
    expect((await counted()) - before).toBe(2);
  });

  test('spares the frames beside it in the same message', async () => {
    const own = await alice.client.open().live({ deviceId: 'beside' });
    own.sendFrames(
      { requestId: 501n, frame: send({ clientMessageId: clientId() }) } as DeepPartial<ClientFrame>,
      { requestId: 502n, frame: send({ threadId: 'nonsense' }) } as DeepPartial<ClientFrame>,
      { requestId: 503n, frame: send({ clientMessageId: clientId() }) } as DeepPartial<ClientFrame>,
    );
    const outcomes = await Promise.all([own.reply(501n), own.reply(502n), own.reply(503n)]);
    expect(outcomes.map(({ reply, error }) => error?.reason ?? reply.result?.$case)).toEqual([
      'send',
      'INVALID_FIELD',
      'send',
    ]);
  });

  test('changes nothing: the log holds what was accepted and only that', async () => {
    const { thread } = await alice.client.ask(ThreadServiceService.getThread, { threadId });
    const { entries } = await alice.client.ask(HistoryServiceService.listEntries, {
      threadId,
      afterSequence: 0n,
      upToSequence: 0n,
      pageSize: 0,
    });
    const kinds = entries.map((entry) => entry.kind?.$case);
    expect(kinds).toEqual(['threadCreated', 'message', 'message']);
    expect(thread?.head?.sequence).toBe(BigInt(kinds.length));
  });
});

describe('a frame of a kind that the server does not know', () => {
  const unknownKind = (requestId: number): Uint8Array => {
    const frame = new BinaryWriter().uint32(8).uint32(requestId);
    frame.uint32((99 << 3) | 2).string('from the future');
    return new BinaryWriter().uint32(10).bytes(frame.finish()).finish();
  };

  test('is answered UNKNOWN_FRAME and the session goes on', async () => {
    stream.sendBytes(unknownKind(9001));
    const { error } = await stream.reply(9001n);
    expect([error?.code, error?.reason]).toEqual(['UNIMPLEMENTED', 'UNKNOWN_FRAME']);
    expect((await stream.request('heartbeat', {})).error).toBeUndefined();
  });

  test('is dropped without a request id', async () => {
    const before = stream.told.length;
    stream.sendBytes(unknownKind(0));
    await stream.request('ack', { position: { threadId, upToSequence: 1n } });
    expect(stream.told.slice(before).map(({ $case }) => $case)).toEqual(['reply']);
  });

  test('in a frame without any kind counts as unknown', async () => {
    stream.sendFrames({ requestId: 9002n });
    expect((await stream.reply(9002n)).error?.reason).toBe('UNKNOWN_FRAME');
  });

  test('does not hide an unknown field of a known frame: that is ignored', async () => {
    const position = new BinaryWriter().uint32(10).string(threadId).uint32(16).uint32(1);
    const ack = new BinaryWriter()
      .uint32(10)
      .bytes(position.finish())
      .uint32(99 << 3)
      .uint32(7);
    const frame = new BinaryWriter().uint32(8).uint32(9003).uint32(34).bytes(ack.finish());
    stream.sendBytes(new BinaryWriter().uint32(10).bytes(frame.finish()).finish());
    expect((await stream.reply(9003n)).error).toBeUndefined();
  });
});

describe('the 20 threads on screen', () => {
  test('are 20: the next is refused LIMIT_REACHED until one is given back', async () => {
    const carol = await people.person('carol');
    const own = await carol.client.open().live({ deviceId: 'd1' });
    const threads = [];
    for (let n = 0; n < 21; n++) threads.push(await groupOf(carol));
    const subscribe = async (id: string): Promise<string | undefined> =>
      (await own.request('subscribe', { target: { $case: 'threadId', value: id } })).error?.reason;
    const reasons = [];
    for (const id of threads) reasons.push(await subscribe(id));
    expect(reasons).toEqual([...Array.from({ length: 20 }, () => undefined), 'LIMIT_REACHED']);
    await own.request('unsubscribe', { target: { $case: 'threadId', value: threads[0] ?? '' } });
    expect(await subscribe(threads[20] ?? '')).toBeUndefined();
  });
});

describe('a unary call', () => {
  test('with bytes that are no protobuf is refused INVALID_FIELD', async () => {
    const { status } = await alice.client.bytes('/parley.v1.ThreadService/GetThread', Buffer.from([0xff, 0xff, 0xff]));
    expect([status.code, status.reason]).toEqual(['INVALID_ARGUMENT', 'INVALID_FIELD']);
  });

  test('with content over the limit is refused TOO_LARGE, and at the limit it is taken', async () => {
    const request = (bytes: number): SendMessageRequest =>
      SendMessageRequest.create({ threadId, clientMessageId: clientId(), content: textContent('x'.repeat(bytes)) });
    const over = await alice.client.call(MessageServiceService.sendMessage, request(65_537));
    const at = await alice.client.call(MessageServiceService.sendMessage, request(65_536));
    expect([over.status.reason, at.status.code]).toEqual(['TOO_LARGE', 'OK']);
  });

  test('over 256 KiB is refused TOO_LARGE', async () => {
    const request = SendMessageRequest.create({ threadId, clientMessageId: 'x'.repeat(300_000) });
    const { status } = await alice.client.call(MessageServiceService.sendMessage, request);
    expect([status.code, status.reason]).toEqual(['INVALID_ARGUMENT', 'TOO_LARGE']);
  });

  test('that does not exist is refused NOT_SERVED', async () => {
    for (const path of ['/parley.v1.ThreadService/Nonsense', '/parley.v1.NoService/GetThread', '/nonsense']) {
      const { status } = await alice.client.bytes(path, Buffer.alloc(0));
      expect([path, status.code]).toEqual([path, 'UNIMPLEMENTED']);
    }
  });
});

test('after all of it, messages still go from one to the other', async () => {
  const bobs = await bob.client.open().live({ deviceId: 'b1' });
  const sequence = await sendOn(stream, threadId, 'still there');
  const batch = await bobs.first('entriesAppended', ({ entries }) =>
    entries.some((entry) => entry.sequence === sequence),
  );
  expect(batch.threadId).toBe(threadId);
  const answer = await post(bob, threadId, 'I am');
  await stream.first('entriesAppended', ({ entries }) => entries.some((entry) => entry.sequence === answer));
});
