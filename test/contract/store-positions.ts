import { expect, test } from 'vitest';
import type { DeviceId, UserId } from '../../server/core/ids.ts';
import type { PositionUpdate } from '../../server/store/store.ts';
import { laptop, newThread, newUser, phone } from './samples.ts';
import type { UnderTest } from './store.ts';

export function positions({ store, reopen }: UnderTest): void {
  const read = (threadId: PositionUpdate['threadId'], userId: UserId, sequence: bigint, atMs = 1): PositionUpdate => ({
    threadId,
    userId,
    sequence,
    ordinal: sequence / 2n,
    atMs,
  });
  const held = (...args: Parameters<typeof read>): PositionUpdate => ({ ...read(...args), deviceId: phone });

  test('a user without positions is left out', async () => {
    const thread = newThread();
    expect(await store().positions(thread, { limit: 10 })).toEqual([]);
    expect(await store().positionsOf(newUser(), [thread])).toEqual([undefined]);
    expect(await store().devicePositions(newUser(), phone, [thread])).toEqual([0n]);
  });

  test('what a user has read is kept with its ordinal and its time', async () => {
    const [thread, user] = [newThread(), newUser()];
    await store().advance([read(thread, user, 6n, 50)]);
    const read6 = { read: 6n, readOrdinal: 3n, readMs: 50 };
    const position = { threadId: thread, userId: user, delivered: 0n, ...read6, updateMs: 50 };
    expect(await store().positions(thread, { limit: 10 })).toEqual([position]);
    expect(await store().positionsOf(user, [newThread(), thread])).toEqual([undefined, position]);
  });

  test('what is delivered is the highest of the devices, and each device has its own', async () => {
    const [thread, user] = [newThread(), newUser()];
    await store().advance([held(thread, user, 4n), { ...held(thread, user, 9n), deviceId: laptop }]);
    await store().advance([held(thread, user, 6n)]);
    expect(await store().positionsOf(user, [thread])).toMatchObject([{ delivered: 9n, read: 0n }]);
    expect(await store().devicePositions(user, phone, [thread, newThread()])).toEqual([6n, 0n]);
    expect(await store().devicePositions(user, laptop, [thread])).toEqual([9n]);
  });

  test('positions only grow, in whatever order they arrive', async () => {
    const [thread, user] = [newThread(), newUser()];
    await store().advance([read(thread, user, 8n, 100), read(thread, user, 6n, 200)]);
    await store().advance([read(thread, user, 7n, 300), held(thread, user, 5n, 50)]);
    await store().advance([held(thread, user, 3n, 400)]);
    expect(await store().positionsOf(user, [thread])).toEqual([
      { threadId: thread, userId: user, delivered: 5n, read: 8n, readOrdinal: 4n, readMs: 100, updateMs: 100 },
    ]);
    expect(await store().devicePositions(user, phone, [thread])).toEqual([5n]);
  });

  test('the time of a reading stays when more is delivered after it', async () => {
    const [thread, user] = [newThread(), newUser()];
    await store().advance([read(thread, user, 2n, 50)]);
    await store().advance([held(thread, user, 9n, 70)]);
    expect(await store().positionsOf(user, [thread])).toMatchObject([{ read: 2n, readMs: 50, updateMs: 70 }]);
  });

  test('what is read and delivered up to one place at once is kept with the time of each, and of one place the first holds', async () => {
    const [thread, user] = [newThread(), newUser()];
    await store().advance([held(thread, user, 6n, 90), read(thread, user, 6n, 50), read(thread, user, 6n, 70)]);
    const once = { read: 6n, readOrdinal: 3n, readMs: 50, delivered: 6n, updateMs: 90 };
    expect(await store().positionsOf(user, [thread])).toMatchObject([once]);
    expect(await store().positions(thread, { limit: 10 })).toMatchObject([once]);
    expect(await store().devicePositions(user, phone, [thread])).toEqual([6n]);
    await store().advance([read(thread, user, 6n, 80), held(thread, user, 6n, 95)]);
    expect(await store().positionsOf(user, [thread])).toMatchObject([once]);
  });

  test('many callers at once leave the highest of what they said', async () => {
    const [thread, user] = [newThread(), newUser()];
    const sequences = Array.from({ length: 200 }, (_, at) => BigInt(((at * 7) % 200) + 1));
    await Promise.all(
      sequences.map((sequence) => store().advance([read(thread, user, sequence), held(thread, user, sequence)])),
    );
    expect(await store().positionsOf(user, [thread])).toMatchObject([
      { delivered: 200n, read: 200n, readOrdinal: 100n },
    ]);
    expect(await store().devicePositions(user, phone, [thread])).toEqual([200n]);
  });

  test('advancing nothing, or to where it was, resolves', async () => {
    const [thread, user] = [newThread(), newUser()];
    await store().advance([]);
    await Promise.all([store().advance([read(thread, user, 4n)]), store().advance([read(thread, user, 4n)])]);
    await store().advance([read(thread, user, 4n), read(thread, user, 0n)]);
    expect(await store().positionsOf(user, [thread])).toMatchObject([{ read: 4n }]);
  });

  test("a thread's users are listed by their ids, page by page", async () => {
    const thread = newThread();
    const users = ['A', 'a', 'aa', 'b', 'ä', '😀', '\u{10ffff}'] as UserId[];
    await store().advance(users.toReversed().map((user) => read(thread, user, 2n)));
    const found = async (range: { after?: UserId; limit: number }): Promise<string[]> =>
      (await store().positions(thread, range)).map((position) => position.userId);
    expect(await found({ limit: 100 })).toEqual(users);
    expect(await found({ limit: 2 })).toEqual(['A', 'a']);
    expect(await found({ limit: 3, after: 'a' as UserId })).toEqual(['aa', 'b', 'ä']);
    expect(await found({ limit: 3, after: '\u{10ffff}' as UserId })).toEqual([]);
  });

  test('positions are kept over a new process', async () => {
    const [thread, user] = [newThread(), newUser()];
    await store().advance([read(thread, user, 1n << 33n), held(thread, user, 1n << 40n)]);
    const later = await reopen();
    expect(await later.positionsOf(user, [thread])).toMatchObject([
      { read: 1n << 33n, readOrdinal: 1n << 32n, delivered: 1n << 40n },
    ]);
    await later.advance([read(thread, user, 5n)]);
    expect(await later.positionsOf(user, [thread])).toMatchObject([{ read: 1n << 33n }]);
  });

  test('positions that are forgotten are as if they had never been, unless they went above, and begin anew', async () => {
    const [thread, other, user, beside] = [newThread(), newThread(), newUser(), newUser('beside')];
    const tablet = 'tablet' as DeviceId;
    const of = (deviceId: DeviceId): PositionUpdate => ({ ...held(thread, user, 5n), deviceId });
    await store().advance([
      read(thread, user, 6n),
      of(phone),
      of(laptop),
      read(other, user, 9n),
      read(thread, beside, 4n),
    ]);
    const threads = [
      { threadId: thread, upTo: 6n },
      { threadId: other, upTo: 8n },
    ];
    await store().forgetPositions(user, threads, [phone, tablet]);
    await store().forgetPositions(user, [{ threadId: thread, upTo: 6n }], []);
    const later = await reopen();
    expect(await later.positionsOf(user, [thread, other])).toMatchObject([undefined, { read: 9n }]);
    expect((await later.positions(thread, { limit: 10 })).map(({ userId }) => userId)).toEqual([beside]);
    expect(await later.devicePositions(user, phone, [thread])).toEqual([0n]);
    expect(await later.devicePositions(user, laptop, [thread])).toEqual([5n]);
    await later.advance([read(thread, user, 7n), { ...of(tablet), sequence: 8n }]);
    expect(await later.positionsOf(user, [thread])).toMatchObject([{ read: 7n, delivered: 8n }]);
  });
}
