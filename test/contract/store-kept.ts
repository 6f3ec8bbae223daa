import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { newUser } from './samples.ts';
import type { UnderTest } from './store.ts';

export function kept({ store, reopen }: UnderTest): void {
  test('when a user was last seen is the latest time said, 0 for who never was', async () => {
    const [user, other, never] = [newUser(), newUser('other'), newUser('never')];
    await store().seen([
      { userId: user, atMs: 500 },
      { userId: other, atMs: 40 },
    ]);
    await store().seen([
      { userId: user, atMs: 400 },
      { userId: other, atMs: 50 },
    ]);
    await store().seen([]);
    expect(await store().lastSeen([other, never, user])).toEqual([50, 0, 500]);
    const later = await reopen();
    expect(await later.lastSeen([user, other, never])).toEqual([500, 50, 0]);
    await later.seen([{ userId: user, atMs: 499 }]);
    expect(await later.lastSeen([user])).toEqual([500]);
    expect(await later.lastSeen([])).toEqual([]);
  });

  test('when a user was last seen is forgotten, unless they were seen since', async () => {
    const [user, other, never] = [newUser(), newUser('other'), newUser('never')];
    await store().seen([
      { userId: user, atMs: 500 },
      { userId: other, atMs: 500 },
    ]);
    await store().forgetSeen(user, 500);
    await store().forgetSeen(other, 499);
    await store().forgetSeen(never, 500);
    expect(await store().lastSeen([user, other, never])).toEqual([0, 500, 0]);
    const later = await reopen();
    expect(await later.lastSeen([user, other])).toEqual([0, 500]);
    await later.forgetSeen(other, 500);
    await later.seen([{ userId: user, atMs: 501 }]);
    expect(await later.lastSeen([user, other])).toEqual([501, 0]);
  });

  test('a secret is made once and kept', async () => {
    const name = randomUUID();
    const made = await store().secret(name, () => Uint8Array.of(1, 2, 255));
    expect([...made]).toEqual([1, 2, 255]);
    const make = (): Uint8Array => {
      throw new Error('there is one already');
    };
    expect([...(await store().secret(name, make))]).toEqual([1, 2, 255]);
    expect([...(await (await reopen()).secret(name, make))]).toEqual([1, 2, 255]);
  });

  test('two that ask for a secret at once get the same', async () => {
    const name = randomUUID();
    const got = await Promise.all([1, 2, 3, 4].map((value) => store().secret(name, () => Uint8Array.of(value))));
    expect(new Set(got.map((value) => value[0])).size).toBe(1);
  });

  test('a store that works says that it takes appends', () => {
    expect(store().health()).toEqual({ writable: true, why: '' });
  });
}
