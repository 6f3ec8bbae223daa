// Listen and Submit: a session whose client cannot stream to the server, with the promises of Open.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ClientFrame, type DeepPartial, SubmitRequest } from '#proto/parley/v1/stream_service.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import type { ListenCall } from '../support/listen-call.ts';
import { People, type Person, clientId, directThread, post, sendOn, textContent } from '../support/raw-people.ts';
import type { RawStream } from '../support/raw-stream.ts';
import { unlimited } from '../support/unlimited.ts';
import { entriesOf, textOf, toldUpTo } from './told.ts';

let platform: Platform;
let people: People;

beforeAll(async () => {
  platform = await startPlatform({ env: { ...unlimited, PARLEY_DRAIN_S: '2' } });
  people = new People(platform);
});
afterAll(async () => {
  people[Symbol.dispose]();
  await platform.stop();
});

interface Scene {
  readonly alice: Person;
  readonly bob: Person;
  readonly threadId: string;
  readonly stream: RawStream;
  readonly call: ListenCall;
}

async function scene(): Promise<Scene> {
  const [alice, bob] = [await people.person('alice'), await people.person('bob')];
  const threadId = await directThread(alice, bob);
  const [stream, call] = alice.client.openListen();
  await stream.live({ deviceId: 'web' });
  return { alice, bob, threadId, stream, call };
}

const textsOf = (stream: RawStream, threadId: string): string[] =>
  entriesOf(stream, threadId).flatMap((entry) => textOf(entry) ?? []);
const submitOf = (sessionId: string, number: bigint, ...frames: DeepPartial<ClientFrame>[]): SubmitRequest =>
  SubmitRequest.fromPartial({ sessionId, number, frames });
const heartbeat = (requestId: bigint): DeepPartial<ClientFrame> => ({
  requestId,
  frame: { $case: 'heartbeat', value: {} },
});
const send = (threadId: string, text: string): DeepPartial<ClientFrame> => ({
  frame: { $case: 'send', value: { threadId, clientMessageId: clientId(), content: textContent(text) } },
});

test('it hears, sends, acknowledges and reads as on Open, and Open goes on where it was by its resume token', async () => {
  const { alice, bob, threadId, stream } = await scene();
  const ears = await bob.client.open().live({ deviceId: 'd1' });
  await post(bob, threadId, 'hello');
  await stream.until(() => textsOf(stream, threadId).includes('hello'));
  const sequence = await sendOn(stream, threadId, 'hello yourself');
  await ears.until(() => textsOf(ears, threadId).includes('hello yourself'));
  for (const kind of ['ack', 'markRead'] as const) {
    const { error } = await stream.request(kind, { position: { threadId, upToSequence: sequence } });
    expect(error).toBeUndefined();
  }
  const { resumeToken } = await stream.first('caughtUp');
  await post(bob, threadId, 'meanwhile');
  await stream.until(() => toldUpTo(stream, threadId) > sequence);
  stream.cancel();
  await stream.ended;
  const again = await alice.client.open().live({ deviceId: 'web', resumeToken });
  expect((await again.first('welcome')).resumed).toBe(true);
  expect(textsOf(again, threadId)).toEqual(['meanwhile']);
});

test('a Submit that was applied is answered as before and applied no second time', async () => {
  const { threadId, stream, call } = await scene();
  const submit = submitOf(call.sessionId, 1n, send(threadId, 'once'), heartbeat(5n));
  expect(await call.submit(submit)).toMatchObject({ due: 2n });
  expect(await call.submit(submit)).toMatchObject({ due: 2n });
  expect(await call.submit(submitOf(call.sessionId, 2n, heartbeat(6n)))).toMatchObject({ due: 3n });
  expect(await call.submit(submit)).toMatchObject({ due: 3n });
  await stream.reply(6n);
  await stream.reply(5n);
  expect(stream.replyCount).toBe(2);
});

test('a Submit that comes too early is refused with the number that is due, and takes no effect', async () => {
  const { stream, call } = await scene();
  const { status } = await call.submit(submitOf(call.sessionId, 3n, heartbeat(5n)));
  expect(status).toMatchObject({ code: 'INVALID_ARGUMENT', reason: 'INVALID_FIELD', fields: ['number'] });
  expect(status.metadata).toEqual({ next_number: '1' });
  expect((await call.submit(submitOf(call.sessionId, 0n, heartbeat(5n)))).status.fields).toEqual(['number']);
  expect((await call.submit(submitOf(call.sessionId, 1n))).status.fields).toEqual(['frames']);
  expect(await call.submit(submitOf(call.sessionId, 1n, heartbeat(6n)))).toMatchObject({ due: 2n });
  await stream.reply(6n);
  expect(stream.replyCount).toBe(1);
});

test('frames that are submitted at once take effect in the order of their numbers', async () => {
  const { bob, threadId, stream } = await scene();
  const ears = await bob.client.open().live({ deviceId: 'd1' });
  const texts = Array.from({ length: 60 }, (_, n) => `message ${n}`);
  await Promise.all(texts.map((text) => sendOn(stream, threadId, text)));
  await ears.until(() => textsOf(ears, threadId).length >= texts.length);
  expect(textsOf(ears, threadId)).toEqual(texts);
});

test('nobody else submits to a session: neither another user nor a token of another device', async () => {
  const { bob, alice, call, stream } = await scene();
  const submit = submitOf(call.sessionId, 1n, heartbeat(5n));
  const [, theirs] = bob.client.openListen();
  expect((await theirs.submit(submit)).status).toMatchObject({ code: 'NOT_FOUND', reason: 'SESSION_NOT_FOUND' });
  const bound = people.stranger(await platform.token(alice.id, { deviceId: 'phone' }));
  expect((await bound.openListen()[1].submit(submit)).status.reason).toBe('SESSION_NOT_FOUND');
  for (const sessionId of ['', 'n1.nobody', 'x'.repeat(1_000), `${call.sessionId}x`]) {
    expect((await call.submit({ ...submit, sessionId })).status.reason).toBe('SESSION_NOT_FOUND');
  }
  expect(stream.replyCount).toBe(0);
});

test('a breach fails the Submit and ends Listen with a goodbye', async () => {
  const { stream, call } = await scene();
  const hello = { frame: { $case: 'hello', value: { deviceId: 'web', apiRevision: 1 } } } as const;
  const { status } = await call.submit(submitOf(call.sessionId, 1n, heartbeat(5n), hello, heartbeat(6n)));
  expect(status.reason).toBe('HELLO_REPEATED');
  const { reason, status: ended } = await stream.goodbye();
  expect([reason, ended.reason]).toEqual(['PROTOCOL', 'HELLO_REPEATED']);
  expect((await call.submit(submitOf(call.sessionId, 2n, heartbeat(7n)))).status.reason).toBe('SESSION_NOT_FOUND');
});

test('a Listen without Hello, or with a wrong one, says what is wrong', async () => {
  const alice = await people.person('alice');
  const [without] = alice.client.openListen();
  without.say('heartbeat', {});
  expect((await without.goodbye()).status).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'HELLO_REQUIRED' });
  const [wrong] = alice.client.openListen();
  wrong.say('hello', { deviceId: 'a b', apiRevision: 1 });
  expect((await wrong.goodbye()).status).toMatchObject({ reason: 'INVALID_FIELD', fields: ['hello.device_id'] });
  const [nobody] = people.stranger('no token at all').openListen();
  nobody.say('hello', { deviceId: 'web', apiRevision: 1 });
  expect((await nobody.ended).code).toBe('UNAUTHENTICATED');
});

test('its session is over when its client goes, is superseded by Open of the device, and supersedes it', async () => {
  const { alice, bob, threadId, stream, call } = await scene();
  // Only who has written to one another sees when the other was there.
  for (const person of [alice, bob]) await post(person, threadId, 'hello');
  const native = await alice.client.open().live({ deviceId: 'web' });
  expect((await stream.goodbye()).reason).toBe('SUPERSEDED');
  expect((await call.submit(submitOf(call.sessionId, 1n, heartbeat(5n)))).status.reason).toBe('SESSION_NOT_FOUND');
  const [again, itsCall] = alice.client.openListen();
  await again.live({ deviceId: 'web' });
  expect((await native.goodbye()).reason).toBe('SUPERSEDED');
  const watcher = await bob.client.open().live({ deviceId: 'd1' });
  await watcher.request('watchPresence', { userIds: [alice.id] });
  again.cancel();
  await watcher.first('presenceChanged', ({ presences }) =>
    presences.some(({ lastSeenTime }) => lastSeenTime !== undefined),
  );
  const { status } = await itsCall.submit(submitOf(itsCall.sessionId, 1n, heartbeat(5n)));
  expect(status.reason).toBe('SESSION_NOT_FOUND');
});
