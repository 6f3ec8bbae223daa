import { expect, test } from 'vitest';
import { Profile } from '#proto/parley/v1/thread.ts';
import { Presence, PresenceState } from '#proto/parley/v1/presence.ts';
import { settled } from '../../test/support/manual-runtime.ts';
import { MemoryDatabase } from '../../test/support/memory-database.ts';
import { ScriptedClient } from '../../test/support/scripted-client.ts';
import type { Parley } from './parley.ts';
import { Parts } from './parts.ts';
import { presenceView, profileView } from './people.ts';
import { Keeper } from './storage/keeper.ts';

/** A page that is live; `asked`: whose profiles were asked for, call by call. */
async function page() {
  const scripted = new ScriptedClient({ userId: 'alice' });
  const { client, carrier, runtime } = scripted;
  const asked: string[][] = [];
  const state = { isDown: false };
  carrier.answer = (_path, request) => {
    const { userIds } = request as { userIds: string[] };
    asked.push(userIds);
    if (state.isDown) throw new Error('no network');
    return { profiles: userIds.map((userId) => Profile.fromPartial({ userId, displayName: `I am ${userId}` })) };
  };
  await scripted.live();
  const parley = { parts: new Parts(client, new Keeper(new MemoryDatabase(runtime), runtime, {}), runtime) } as Parley;
  return { client, carrier, runtime, parley, asked, state };
}

test('whoever scrolls through all people keeps those on screen, and of the others the last thousand', async () => {
  const { parley, runtime, asked } = await page();
  const shown = profileView(parley, 'shown');
  const news: unknown[] = [];
  shown.subscribe(() => news.push(shown.get()?.displayName));
  const first = profileView(parley, 'p0');
  for (let from = 0; from < 10_000; from += 100) {
    const rows = Array.from({ length: 100 }, (_, at) => profileView(parley, `p${from + at}`));
    const stops = rows.map((row) => row.subscribe(() => undefined));
    await settled();
    expect(rows[99]?.get()?.displayName).toBe(`I am p${from + 99}`);
    for (const stop of stops) stop();
    await runtime.advance(2000);
  }
  expect(profileView(parley, 'shown')).toBe(shown);
  expect([shown.get()?.displayName, news]).toEqual(['I am shown', ['I am shown']]);
  expect(profileView(parley, 'p9500').get()?.displayName).toBe('I am p9500');
  expect(profileView(parley, 'p0')).not.toBe(first);
  expect(profileView(parley, 'p0').get()).toBeUndefined();
  asked.length = 0;
  profileView(parley, 'p9500').subscribe(() => undefined);
  profileView(parley, 'p0').subscribe(() => undefined);
  await settled();
  expect(asked).toEqual([['p0']]);
});

test('a view that was let go and is looked at again shows what is known, beside a new one of the same user', async () => {
  const { parley } = await page();
  const old = profileView(parley, 'bob');
  for (let at = 0; at < 2000; at += 1) profileView(parley, `p${at}`);
  const view = profileView(parley, 'bob');
  expect(view).not.toBe(old);
  let told = 0;
  old.subscribe(() => (told += 1));
  view.subscribe(() => (told += 1));
  await settled();
  expect([old.get()?.displayName, view.get(), told]).toEqual(['I am bob', old.get(), 2]);
});

test('what could not be read is asked for again with the next connection, for those alone who are looked at', async () => {
  const { parley, carrier, runtime, asked, state } = await page();
  state.isDown = true;
  for (let at = 0; at < 3000; at += 1) profileView(parley, `p${at}`).subscribe(() => undefined)();
  const bob = profileView(parley, 'bob');
  bob.subscribe(() => undefined);
  await settled();
  await runtime.advance(2000);
  asked.length = 0;
  state.isDown = false;
  carrier.last.caughtUp();
  await settled();
  expect(asked).toEqual([['bob']]);
  expect(bob.get()?.displayName).toBe('I am bob');
});

test('presence is watched for those who are looked at, and known of them alone', async () => {
  const { parley, carrier, runtime } = await page();
  const bob = presenceView(parley, 'bob');
  const carol = presenceView(parley, 'carol');
  bob.subscribe(() => undefined);
  const stop = carol.subscribe(() => undefined);
  await settled();
  const presences = ['bob', 'carol', 'dave'].map((userId) =>
    Presence.fromPartial({ userId, state: PresenceState.PRESENCE_STATE_ONLINE }),
  );
  carrier.last.tell({ $case: 'presenceChanged', value: { presences } });
  expect([bob.get()?.state, carol.get()?.state]).toEqual([1, 1]);
  stop();
  await runtime.advance(2000);
  await settled();
  expect(carrier.last.of('watchPresence').map(({ value }) => value.userIds)).toEqual([['bob', 'carol'], ['bob']]);
  expect([bob.get()?.state, carol.get()]).toEqual([1, undefined]);
});
