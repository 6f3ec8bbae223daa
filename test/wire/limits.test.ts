// The limits of a user and of a node: typed, with the time to wait where waiting helps, and gone after it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { GroupServiceService } from '#proto/parley/v1/group_service.ts';
import { MessageServiceService, SendMessageRequest } from '#proto/parley/v1/message_service.ts';
import { People, type Person, clientId, groupOf, sendOn, textContent } from '../support/raw-people.ts';
import type { RawStatus } from '../support/raw-status.ts';

let platform: Platform;
let people: People;

beforeAll(async () => {
  platform = await startPlatform({
    env: {
      PARLEY_LIMIT_SENDS_PER_S: '2',
      PARLEY_LIMIT_SENDS_BURST: '5',
      PARLEY_LIMIT_OPENS_PER_S: '1',
      PARLEY_LIMIT_OPENS_BURST: '3',
      PARLEY_LIMIT_TYPING_PER_S: '2',
      PARLEY_LIMIT_SESSIONS_PER_USER: '3',
      PARLEY_LIMIT_CONNECTS_PER_S: '25',
    },
  });
  people = new People(platform);
});
afterAll(async () => {
  people[Symbol.dispose]();
  await platform.stop();
});

/** Repeats until refused. @throws when it is taken 100 times */
async function untilRefused(attempt: () => Promise<RawStatus | undefined>): Promise<RawStatus> {
  for (let n = 0; n < 100; n++) {
    const refusal = await attempt();
    if (refusal !== undefined && refusal.code !== 'OK') return refusal;
  }
  throw new Error('it was taken 100 times');
}

test('sends over the rate are refused RATE_LIMITED with the time to wait; the session goes on, and then there is room', async () => {
  const alice = await people.person('alice');
  const threadId = await groupOf(alice);
  const stream = await alice.client.open().live({ deviceId: 'd1' });
  const send = async (): Promise<RawStatus | undefined> =>
    (await stream.request('send', { threadId, clientMessageId: clientId(), content: textContent('x') })).error;
  const refusal = await untilRefused(send);
  expect([refusal.code, refusal.reason]).toEqual(['RESOURCE_EXHAUSTED', 'RATE_LIMITED']);
  expect(refusal.retryAfterMs).toBeGreaterThan(0);
  expect(refusal.retryAfterMs).toBeLessThanOrEqual(500);
  // Without a session the same limit holds.
  const request = SendMessageRequest.create({ threadId, clientMessageId: clientId(), content: textContent('x') });
  const unary = await alice.client.call(MessageServiceService.sendMessage, request);
  expect(unary.status.reason).toBe('RATE_LIMITED');
  // Time itself is the condition: sends until one is taken again.
  while ((await send()) !== undefined);
  expect(stream.all('goodbye')).toEqual([]);
});

test('new threads and typing over the rate are refused RATE_LIMITED', async () => {
  const alice = await people.person('alice');
  const threadId = await groupOf(alice);
  const opened = await untilRefused(async () => {
    const request = { requestId: clientId(), name: 'g', memberIds: [], historyForNewMembers: false };
    return (await alice.client.call(GroupServiceService.createGroup, request)).status;
  });
  const stream = await alice.client.open().live({ deviceId: 'd1' });
  const typed = await untilRefused(async () => (await stream.request('typing', { threadId, active: true })).error);
  expect([opened.reason, typed.reason]).toEqual(['RATE_LIMITED', 'RATE_LIMITED']);
  expect(Math.min(opened.retryAfterMs ?? 0, typed.retryAfterMs ?? 0)).toBeGreaterThan(0);
});

test('one user’s rate is not another’s', async () => {
  const [alice, bob] = [await people.person('alice'), await people.person('bob')];
  const threadId = await groupOf(alice, bob);
  const alices = await alice.client.open().live({ deviceId: 'd1' });
  const draft = { threadId, content: textContent('x') };
  await untilRefused(async () => (await alices.request('send', { ...draft, clientMessageId: clientId() })).error);
  const bobs = await bob.client.open().live({ deviceId: 'd1' });
  expect(await sendOn(bobs, threadId, 'mine')).toBeGreaterThan(1n);
});

test('a session too many is refused TOO_MANY_SESSIONS; a device that comes back is not one too many', async () => {
  const alice = await people.person('alice');
  const open = async (deviceId: string): Promise<unknown> => alice.client.open().live({ deviceId });
  for (const deviceId of ['d1', 'd2', 'd3']) await open(deviceId);
  const fourth = alice.client.open();
  fourth.say('hello', { deviceId: 'd4', apiRevision: 1 });
  const status = await fourth.ended;
  expect([status.code, status.reason]).toEqual(['RESOURCE_EXHAUSTED', 'TOO_MANY_SESSIONS']);
  await open('d2');
});

test('streams over the node’s rate are refused OVERLOADED with the time to wait, and those that are open stay', async () => {
  const [alice, crowd]: [Person, Person] = [await people.person('alice'), await people.person('crowd')];
  const stream = await alice.client.open().live({ deviceId: 'd1' });
  const refusal = await untilRefused(async () => {
    const one = crowd.client.open();
    one.say('hello', { deviceId: clientId(), apiRevision: 1 });
    return Promise.race([one.ended, one.first('caughtUp').then(() => undefined)]).finally(() => one.cancel());
  });
  expect([refusal.code, refusal.reason]).toEqual(['UNAVAILABLE', 'OVERLOADED']);
  expect(refusal.retryAfterMs).toBeGreaterThan(0);
  expect((await stream.request('heartbeat', {})).error).toBeUndefined();
});
