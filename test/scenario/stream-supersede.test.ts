// One session per device: the newer takes over, at once or, when it hands over, once it has caught up.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { People, directThread, post } from '../support/raw-people.ts';
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

test('a second session of a device ends the first with SUPERSEDED and ABORTED, and is told to stay away', async () => {
  const alice = await people.person('alice');
  const first = await alice.client.open().live({ deviceId: 'd1' });
  const second = await alice.client.open().live({ deviceId: 'd1' });
  const { reason, goodbye, status } = await first.goodbye();
  expect([reason, goodbye.reconnect, status.code]).toEqual(['SUPERSEDED', false, 'ABORTED']);
  expect((await second.request('heartbeat', {})).error).toBeUndefined();
  expect(second.all('goodbye')).toEqual([]);
});

test('of ten sessions of a device opened at once one is left', async () => {
  const alice = await people.person('alice');
  const streams = Array.from({ length: 10 }, () => alice.client.open());
  for (const stream of streams) stream.say('hello', { deviceId: 'd1', apiRevision: 1 });
  const ended: string[] = [];
  await new Promise<void>((resolve) => {
    for (const stream of streams) {
      void stream.ended.then(({ code }) => {
        ended.push(code);
        if (ended.length === 9) resolve();
      });
    }
  });
  expect(ended).toEqual(Array.from({ length: 9 }, () => 'ABORTED'));
  const left = streams.filter((stream) => stream.all('goodbye').length === 0);
  expect(left).toHaveLength(1);
  expect((await left[0]?.request('heartbeat', {}))?.error).toBeUndefined();
});

test('sessions of other devices of the user, and of others with the same device id, are left alone', async () => {
  const [alice, bob] = [await people.person('alice'), await people.person('bob')];
  const phone = await alice.client.open().live({ deviceId: 'phone' });
  const others = await bob.client.open().live({ deviceId: 'phone' });
  const laptop = await alice.client.open().live({ deviceId: 'laptop' });
  for (const stream of [phone, others, laptop]) {
    expect((await stream.request('heartbeat', {})).error).toBeUndefined();
  }
});

test('a session that hands over lives until the new one has caught up, and both together miss nothing', async () => {
  const [alice, bob] = [await people.person('alice'), await people.person('bob')];
  const threadId = await directThread(alice, bob);
  const old = await alice.client.open().live({ deviceId: 'd1' });
  const token = (await old.first('caughtUp')).resumeToken;
  let posting = true;
  const texts: string[] = [];
  const poster = (async () => {
    for (let n = 0; posting; n++) {
      texts.push(`m${n}`);
      await post(bob, threadId, `m${n}`);
    }
  })();
  const fresh = await alice.client.open().live({ deviceId: 'd1', handOver: true, resumeToken: token });
  const { reason, goodbye, status } = await old.goodbye();
  expect([reason, goodbye.reconnect, status.code]).toEqual(['HANDED_OVER', false, 'OK']);
  posting = false;
  await poster;
  const heard = (): Set<string | undefined> =>
    new Set([...entriesOf(old, threadId), ...entriesOf(fresh, threadId)].map(textOf));
  await fresh.until(() => heard().has(texts.at(-1)));
  expect(texts.filter((text) => !heard().has(text))).toEqual([]);
});
