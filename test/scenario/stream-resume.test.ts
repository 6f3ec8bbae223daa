// Resume tokens: only what changed is told again; what was not acknowledged comes again; a token authorises nothing.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { People, type Person, directThread, post, sendOn } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';
import type { RawStream } from '../support/raw-stream.ts';
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

async function scene(): Promise<{ alice: Person; bob: Person; threadId: string; stream: RawStream; token: Buffer }> {
  const [alice, bob] = [await people.person('alice'), await people.person('bob')];
  const threadId = await directThread(alice, bob);
  await post(bob, threadId, 'before');
  const stream = await alice.client.open().live({ deviceId: 'd1' });
  await stream.request('ack', { position: { threadId, upToSequence: toldUpTo(stream, threadId) } });
  return { alice, bob, threadId, stream, token: (await stream.first('caughtUp')).resumeToken };
}

async function close(stream: RawStream): Promise<void> {
  stream.end();
  await stream.ended;
}

test('with a resume token only what changed since is told', async () => {
  const { alice, bob, threadId, stream, token } = await scene();
  const other = await directThread(alice, await people.person('carol'));
  await close(stream);
  const sequence = await post(bob, threadId, 'meanwhile');
  const again = await alice.client.open().live({ deviceId: 'd1', resumeToken: token });
  expect((await again.first('welcome')).resumed).toBe(true);
  const heads = again.all('headsChanged').flatMap((frame) => frame.heads.map((head) => head.threadId));
  expect(heads).toContain(threadId);
  expect(entriesOf(again, threadId).map(textOf)).toEqual(['meanwhile']);
  expect(toldUpTo(again, threadId)).toBe(sequence);
  // It began after the token was made, so it is told as well.
  expect(heads).toContain(other);
});

test('a thread in which nothing changed since is not told again', async () => {
  const { alice, threadId, stream } = await scene();
  await close(stream);
  const between = await alice.client.open().live({ deviceId: 'd1' });
  const token = (await between.first('caughtUp')).resumeToken;
  await close(between);
  const again = await alice.client.open().live({ deviceId: 'd1', resumeToken: token });
  expect((await again.first('welcome')).resumed).toBe(true);
  expect(entriesOf(again, threadId)).toEqual([]);
});

test('what was told and not acknowledged is told again', async () => {
  const { alice, bob, threadId, stream, token } = await scene();
  const sequence = await post(bob, threadId, 'seen, not held');
  await stream.until(() => toldUpTo(stream, threadId) === sequence);
  await close(stream);
  const again = await alice.client.open().live({ deviceId: 'd1', resumeToken: token });
  expect(entriesOf(again, threadId).map(textOf)).toEqual(['seen, not held']);
});

test('positions in Hello count as acks: what they cover is not told', async () => {
  const { alice, bob, threadId, stream, token } = await scene();
  await post(bob, threadId, 'held');
  const sequence = await post(bob, threadId, 'not held');
  await close(stream);
  const positions = [{ threadId, upToSequence: sequence - 1n }];
  const again = await alice.client.open().live({ deviceId: 'd1', resumeToken: token, positions });
  expect(entriesOf(again, threadId).map(textOf)).toEqual(['not held']);
});

test('a send whose answer was lost gets the same sequence after a reconnect, and is in the log once', async () => {
  const { alice, bob, threadId, stream, token } = await scene();
  const bobs = await bob.client.open().live({ deviceId: 'b1' });
  const draft = {
    threadId,
    clientMessageId: 'lost-answer',
    knownHead: toldUpTo(stream, threadId),
    content: { body: { $case: 'text' as const, value: 'once' } },
  };
  stream.say('send', draft);
  await bobs.first('entriesAppended', ({ entries }) => entries.some((entry) => textOf(entry) === 'once'));
  await close(stream);
  for (let n = 0; n < 20; n++) await post(bob, threadId, 'meanwhile');
  const again = await alice.client.open().live({ deviceId: 'd1', resumeToken: token });
  const { reply } = await again.request('send', draft);
  expect(reply.result).toMatchObject({ $case: 'send', value: { duplicate: true } });
  const next = await sendOn(again, threadId, 'after');
  await bobs.until(() => toldUpTo(bobs, threadId) === next);
  expect(entriesOf(bobs, threadId).filter((entry) => textOf(entry) === 'once')).toHaveLength(1);
  const other = await again.request('send', { ...draft, content: { body: { $case: 'text', value: 'twice' } } });
  expect(other.error?.reason).toBe('ID_REUSED');
});

test('a token that is forged, of another device or of another user counts as none', async () => {
  const { alice, bob, token } = await scene();
  const forged = Buffer.from(token);
  forged[10] = (forged[10] ?? 0) ^ 1;
  const attempts: [Person, string, Buffer][] = [
    [alice, 'd1', forged],
    [alice, 'd1', Buffer.from('nonsense')],
    [alice, 'd2', token],
    [bob, 'd1', token],
  ];
  for (const [person, deviceId, resumeToken] of attempts) {
    const stream = await person.client.open().live({ deviceId, resumeToken });
    expect((await stream.first('welcome')).resumed).toBe(false);
    expect(stream.all('headsChanged').flatMap(({ heads }) => heads)).not.toEqual([]);
  }
});

test('a token stays good through a restart of the node', async () => {
  const { alice, bob, threadId, token } = await scene();
  await platform.nodes[0]?.restart();
  const sequence = await post(bob, threadId, 'after the restart');
  const again = await alice.client.open().live({ deviceId: 'd1', resumeToken: token });
  expect((await again.first('welcome')).resumed).toBe(true);
  expect(toldUpTo(again, threadId)).toBe(sequence);
});

test('a resume token is at most 512 bytes', async () => {
  const { token } = await scene();
  expect(token.length).toBeGreaterThan(0);
  expect(token.length).toBeLessThanOrEqual(512);
});
