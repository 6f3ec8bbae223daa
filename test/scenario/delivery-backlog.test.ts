// A client that asks and asks and never reads the answers: the node reads no more of it than it keeps answers for.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { People, clientId, groupOf, sendOn, textContent } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';
import { entriesOf, textOf } from './told.ts';

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

test('what is sent behind 20,000 unread answers is taken once they are read, and nothing of it is lost', async () => {
  const [alice, bob] = [await people.person('alice'), await people.person('bob')];
  const threadId = await groupOf(alice, bob);
  const others = await groupOf(bob);
  const stream = await alice.client.open().live({ deviceId: 'd1' });
  const listener = await bob.client.open().live({ deviceId: 'b1' });
  stream.freeze();
  const total = 20_000;
  // A frame of no kind costs its sender four bytes and is answered with a refusal of two hundred.
  for (let from = 1; from <= total; from += 250) {
    stream.sendFrames(...Array.from({ length: 250 }, (_, n) => ({ requestId: BigInt(from + n) })));
  }
  stream.sendFrames({
    requestId: BigInt(total + 1),
    frame: { $case: 'send', value: { threadId, clientMessageId: clientId(), content: textContent('behind') } },
  });
  // The node works for others meanwhile, longer than it would need to read all that.
  for (let n = 0; n < 1_000; n += 1) await sendOn(listener, others, `m${n}`);
  const heard = (): boolean => entriesOf(listener, threadId).some((entry) => textOf(entry) === 'behind');
  expect(heard()).toBe(false);
  stream.thaw();
  await listener.until(heard);
  await stream.until(() => stream.replyCount === total + 1);
  expect((await stream.request('heartbeat', {})).error).toBeUndefined();
});
