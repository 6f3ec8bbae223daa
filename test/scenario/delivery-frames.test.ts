// Frames of a session that are easily got wrong: sends that want no Reply, tokens of another device, what comes in one request.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { People, clientId, groupOf, sendOn, textContent } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';
import { entriesOf, noise, textOf, toldUpTo } from './told.ts';

let platform: Platform;
let people: People;

beforeAll(async () => {
  platform = await startPlatform({ env: unlimited });
  people = new People(platform);
});
afterAll(async () => {
  people[Symbol.dispose]();
  await platform.stop();
});

test('who sends without a request id hears what they sent, since no Reply stands for it', async () => {
  const alice = await people.person('alice');
  const threadId = await groupOf(alice);
  const stream = await alice.client.open().live({ deviceId: 'd1' });
  const send = { threadId, clientMessageId: clientId(), content: textContent('no reply wanted') };
  stream.say('send', send);
  await stream.until(() => entriesOf(stream, threadId).some((entry) => textOf(entry) === 'no reply wanted'));
  // With one the Reply is all that comes.
  expect(await sendOn(stream, threadId, 'with a reply')).toBe(3n);
  expect((await stream.request('heartbeat', {})).error).toBeUndefined();
  expect(toldUpTo(stream, threadId)).toBe(3n);
  expect(entriesOf(stream, threadId).map(({ sequence }) => sequence)).toEqual([1n, 2n]);
});

test('a token that is bound to another device is refused in Reauthenticate, and the session goes on', async () => {
  const alice = await people.person('alice');
  const stream = await alice.client.open().live({ deviceId: 'phone' });
  const other = await platform.token(alice.id, { deviceId: 'laptop' });
  expect((await stream.request('reauthenticate', { token: other })).error?.reason).toBe('TOKEN_INVALID');
  const own = await platform.token(alice.id, { deviceId: 'phone' });
  expect((await stream.request('reauthenticate', { token: own })).error).toBeUndefined();
});

test('a hundred large messages at once are all taken, and come to a listener whole and in order', async () => {
  const [alice, bob] = [await people.person('alice'), await people.person('bob')];
  const threadId = await groupOf(alice, bob);
  const sender = await alice.client.open().live({ deviceId: 'a' });
  const listener = await bob.client.open().live({ deviceId: 'b' });
  listener.onTold = (frame): void => {
    if (frame.$case !== 'entriesAppended') return;
    listener.say('ack', { position: { threadId, upToSequence: frame.value.entries.at(-1)?.sequence ?? 0n } });
  };
  const text = noise(60_000);
  const sent = await Promise.all(Array.from({ length: 100 }, () => sendOn(sender, threadId, text)));
  expect(sent).toEqual(sent.map((_, n) => BigInt(n + 2)));
  await listener.until(() => toldUpTo(listener, threadId) >= 101n);
});
