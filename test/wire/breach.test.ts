// Breaches of the contract: each ends the stream with Goodbye PROTOCOL and a status that says why; nobody else notices.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { HistoryServiceService } from '#proto/parley/v1/history_service.ts';
import { type ClientFrame, type DeepPartial, OpenRequest } from '#proto/parley/v1/stream_service.ts';
import { People, type Person, clientId, directThread, sendOn, textContent } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';
import type { RawStream } from '../support/raw-stream.ts';

describe.each(['direct', 'plain'])('A breach, over a %s sink', (sink) => {
  let platform: Platform;
  let people: People;
  let alice: Person;
  let threadId: string;
  let bystander: RawStream;
  /** Opened first, and says nothing. */
  let silent: RawStream;
  let devices = 0;

  beforeAll(async () => {
    platform = await startPlatform({ env: { ...unlimited, PARLEY_STREAM_SINK: sink } });
    people = new People(platform);
    alice = await people.person('alice');
    const bob = await people.person('bob');
    threadId = await directThread(alice, bob);
    silent = bob.client.open();
    bystander = await bob.client.open().live({ deviceId: 'b1' });
  });
  afterAll(async () => {
    people[Symbol.dispose]();
    await platform.stop();
  });

  const encode = (frames: DeepPartial<ClientFrame>[]): Uint8Array =>
    OpenRequest.encode(OpenRequest.fromPartial({ frames })).finish();
  const hello = (more: object = {}): DeepPartial<ClientFrame> => ({
    frame: { $case: 'hello', value: { deviceId: `d${++devices}`, apiRevision: 1, ...more } },
  });
  const heartbeat: DeepPartial<ClientFrame> = { frame: { $case: 'heartbeat', value: {} } };
  const sendOfBytes = (bytes: number): DeepPartial<ClientFrame> => ({
    frame: { $case: 'send', value: { threadId, clientMessageId: clientId(), content: textContent('x'.repeat(bytes)) } },
  });

  type Breach = { what: string; bytes: () => Uint8Array; code: string; reason: string; fields?: string[] };

  const asFirst: Breach[] = [
    {
      what: 'bytes that are no protobuf',
      bytes: () => Buffer.from([0xff, 0xff, 0xff]),
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_FIELD',
    },
    { what: 'a heartbeat', bytes: () => encode([heartbeat]), code: 'FAILED_PRECONDITION', reason: 'HELLO_REQUIRED' },
    {
      what: 'a frame without a kind',
      bytes: () => encode([{ requestId: 1n }]),
      code: 'FAILED_PRECONDITION',
      reason: 'HELLO_REQUIRED',
    },
    {
      what: 'a heartbeat before Hello in one message',
      bytes: () => encode([heartbeat, hello()]),
      code: 'FAILED_PRECONDITION',
      reason: 'HELLO_REQUIRED',
    },
    {
      what: 'no frame',
      bytes: () => encode([]),
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_FIELD',
      fields: ['frames'],
    },
    {
      what: 'a device id with a control character',
      bytes: () => encode([hello({ deviceId: 'a\u0000' })]),
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_FIELD',
      fields: ['hello.device_id'],
    },
    {
      what: 'no device id',
      bytes: () => encode([hello({ deviceId: '' })]),
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_FIELD',
      fields: ['hello.device_id'],
    },
    {
      what: 'no API revision',
      bytes: () => encode([hello({ apiRevision: 0 })]),
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_FIELD',
      fields: ['hello.api_revision'],
    },
    {
      what: '257 positions',
      bytes: () =>
        encode([
          hello({ positions: Array.from({ length: 257 }, (_, n) => ({ threadId: `d_${n}`, upToSequence: 1n })) }),
        ]),
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_FIELD',
      fields: ['hello.positions'],
    },
    {
      what: 'a resume token of 513 bytes',
      bytes: () => encode([hello({ resumeToken: Buffer.alloc(513, 1) })]),
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_TOKEN',
    },
    {
      what: 'a Hello over 64 KiB',
      bytes: () => encode([hello({ sdk: { name: 'x'.repeat(66_000), version: '1' } })]),
      code: 'INVALID_ARGUMENT',
      reason: 'TOO_LARGE',
    },
    {
      what: 'a Hello of a megabyte',
      bytes: () => encode([hello({ sdk: { name: 'x'.repeat(1 << 20), version: '1' } })]),
      code: 'INVALID_ARGUMENT',
      reason: 'TOO_LARGE',
    },
  ];

  const whenLive: Breach[] = [
    {
      what: 'bytes that are no protobuf',
      bytes: () => Buffer.from([0x0a, 0x05, 0x01]),
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_FIELD',
    },
    { what: 'a second Hello', bytes: () => encode([hello()]), code: 'FAILED_PRECONDITION', reason: 'HELLO_REPEATED' },
    {
      what: 'no frame',
      bytes: () => encode([]),
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_FIELD',
      fields: ['frames'],
    },
    {
      what: '257 frames',
      bytes: () => encode(Array.from({ length: 257 }, () => heartbeat)),
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_FIELD',
      fields: ['frames'],
    },
    {
      what: '10,000 frames',
      bytes: () => encode(Array.from({ length: 10_000 }, () => heartbeat)),
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_FIELD',
      fields: ['frames'],
    },
    {
      what: 'a message over 256 KiB',
      bytes: () => encode(Array.from({ length: 5 }, () => sendOfBytes(60_000))),
      code: 'INVALID_ARGUMENT',
      reason: 'TOO_LARGE',
    },
  ];

  async function endOf(stream: RawStream): Promise<unknown[]> {
    const { reason, goodbye, status } = await stream.goodbye();
    expect(stream.told.at(-1)?.$case).toBe('goodbye');
    return [reason, goodbye.reconnect, status.code, status.reason, status.domain, status.fields];
  }

  const expected = ({ code, reason, fields }: Breach, found: unknown[]): unknown[] => [
    'PROTOCOL',
    false,
    code,
    reason,
    'parley.chat',
    fields ?? found[5],
  ];

  describe('as the first message of a stream', () => {
    test.each(asFirst)('$what ends it with Goodbye PROTOCOL and $reason', async (breach) => {
      const stream = alice.client.open();
      stream.sendBytes(breach.bytes());
      const found = await endOf(stream);
      expect(found).toEqual(expected(breach, found));
      expect(stream.all('welcome')).toEqual([]);
    });
  });

  describe('on a live stream', () => {
    test.each(whenLive)('$what ends it with Goodbye PROTOCOL and $reason', async (breach) => {
      const stream = await alice.client.open().live({ deviceId: `d${++devices}` });
      stream.sendBytes(breach.bytes());
      const found = await endOf(stream);
      expect(found).toEqual(expected(breach, found));
    });

    test('a string that is not UTF-8 ends it as bytes that are no protobuf do, and is not stored', async () => {
      const stream = await alice.client.open().live({ deviceId: `d${++devices}` });
      const bytes = Buffer.from(encode([sendOfBytes(20)]));
      bytes.write('\xff', bytes.indexOf('xxxxx'), 'latin1');
      stream.sendBytes(bytes);
      expect((await endOf(stream)).slice(0, 4)).toEqual(['PROTOCOL', false, 'INVALID_ARGUMENT', 'INVALID_FIELD']);
    });

    test('what was sent before the breach is taken, what comes with it or after it is not', async () => {
      const stream = await alice.client.open().live({ deviceId: `d${++devices}` });
      const before = clientId();
      const after = clientId();
      const frame = (clientMessageId: string): DeepPartial<ClientFrame> => ({
        frame: { $case: 'send', value: { threadId, clientMessageId, content: textContent('x') } },
      });
      stream.sendFrames(frame(before));
      stream.sendFrames(hello(), frame(after));
      stream.sendFrames(frame(after));
      await stream.ended;
      await bystander.first('entriesAppended', ({ entries }) =>
        entries.some((entry) => entry.clientMessageId === before),
      );
      // Appended behind whatever the ended stream had left to append.
      await sendOn(await alice.client.open().live({ deviceId: 'marker' }), threadId, 'marker');
      const { entries } = await alice.client.ask(HistoryServiceService.listEntries, {
        threadId,
        afterSequence: 0n,
        upToSequence: 0n,
        pageSize: 0,
      });
      const ids = entries.map((entry) => entry.clientMessageId);
      expect([ids.includes(before), ids.includes(after)]).toEqual([true, false]);
    });
  });

  test('a stream on which no Hello comes within 10 s ends with HELLO_REQUIRED', async () => {
    expect((await endOf(silent)).slice(0, 4)).toEqual(['PROTOCOL', false, 'FAILED_PRECONDITION', 'HELLO_REQUIRED']);
  });

  test('a message over 4 MiB is refused, and the node lives', async () => {
    const stream = await alice.client.open().live({ deviceId: `d${++devices}` });
    stream.sendBytes(Buffer.alloc(5 << 20, 0x0a));
    expect(['RESOURCE_EXHAUSTED', 'INVALID_ARGUMENT']).toContain((await stream.ended).code);
    expect((await bystander.request('heartbeat', {})).error).toBeUndefined();
  });

  test('a session beside all of this was never disturbed', async () => {
    const own = await alice.client.open().live({ deviceId: 'last' });
    const sequence = await sendOn(own, threadId, 'still there');
    await bystander.first('entriesAppended', ({ entries }) => entries.some((entry) => entry.sequence === sequence));
    expect(bystander.all('goodbye')).toEqual([]);
  });
});
