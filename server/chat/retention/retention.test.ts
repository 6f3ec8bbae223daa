import { expect, test } from 'vitest';
import { type DeviceId, type ThreadId, threadLog, type UserId } from '../../core/ids.ts';
import { RetentionRules } from '../../core/retention.ts';
import { ThreadViews } from '../../delivery/thread-views.ts';
import {
  callerOf,
  type ChatNode,
  groupOf,
  Ids,
  openChatNode,
  post,
  reasonOf,
} from '../../../test/support/chat-node.ts';

const keep = { mode: 'keep', durationS: 0 } as const;
const day = { mode: 'keep-for', durationS: 86_400 } as const;
const untilDelivered = { mode: 'until-delivered', durationS: 0 } as const;

async function hold({ store }: ChatNode, threadId: ThreadId, sequence: bigint, device: string): Promise<void> {
  const userId = device.split('/')[0] as UserId;
  await store.advance([{ threadId, userId, deviceId: device as DeviceId, sequence, ordinal: 0n, atMs: 1 }]);
}

test('owners of a group and both users of a direct thread set it, and nobody else', async () => {
  await using node = await openChatNode();
  const ids = new Ids();
  const { retention, openThread, account } = node.chat;
  const group = await groupOf(node, ids, 'alice', ['bob']);
  const direct = await openThread.direct(callerOf('alice'), 'bob' as UserId);
  expect(await reasonOf(retention.set(callerOf('bob'), group, day))).toBe('ROLE_REQUIRED');
  for (const thread of [group, direct]) {
    expect(await reasonOf(retention.set(callerOf('carol'), thread, day))).toBe('THREAD_NOT_FOUND');
    expect(await reasonOf(retention.get(callerOf('carol'), thread, { limit: 50, pageToken: '' }))).toBe(
      'THREAD_NOT_FOUND',
    );
  }
  expect(await retention.set(callerOf('alice'), group, day)).toEqual(day);
  expect(await retention.set(callerOf('bob'), direct, day)).toEqual(day);
  await account.block(callerOf('alice'), 'bob' as UserId);
  expect(await reasonOf(retention.set(callerOf('bob'), direct, keep))).toBe('NOT_ACCEPTED');
});

test('the same rule as before changes nothing, and a longer time than the deployment allows is cut to it', async () => {
  await using node = await openChatNode({ retention: new RetentionRules(keep, 7 * 86_400) });
  const group = await groupOf(node, new Ids(), 'alice');
  const { retention, threads } = node.chat;
  const alice = callerOf('alice');
  const week = { mode: 'keep-for', durationS: 7 * 86_400 } as const;
  expect((await threads.get(alice, group)).retention).toEqual(week);
  expect(await retention.set(alice, group, keep)).toEqual(week);
  expect((await node.store.head(threadLog(group)))?.sequence).toBe(1n);
  expect(await retention.set(alice, group, untilDelivered)).toEqual({ ...untilDelivered, durationS: 7 * 86_400 });
  expect(await retention.set(alice, group, untilDelivered)).toEqual({ ...untilDelivered, durationS: 7 * 86_400 });
  const [, entry, ...more] = await node.store.entries(threadLog(group), { after: 0n, upTo: 9n, limit: 9 });
  expect(entry?.change).toEqual({ kind: 'retention-changed', retention: { ...untilDelivered, durationS: 7 * 86_400 } });
  expect(more).toEqual([]);
  expect(await retention.set(alice, group, undefined)).toEqual(week);
});

test('messages are under 16 rules at most; a rule that no message came under, and the same again, count for nothing', async () => {
  await using node = await openChatNode();
  const ids = new Ids();
  const { retention } = node.chat;
  const alice = callerOf('alice');
  const group = await groupOf(node, ids, 'alice');
  const days = (count: number) => ({ mode: 'keep-for', durationS: 86_400 * count }) as const;
  for (let count = 1; count <= 40; count++) await retention.set(alice, group, days(count));
  const first = await post(node, ids, 'alice', group, 'under 40 days');
  for (let count = 1; count <= 15; count++) {
    await retention.set(alice, group, days(count));
    await post(node, ids, 'alice', group, 'text');
  }
  const before = (await node.views.latest(group))?.spans;
  expect(before?.map((span) => span.retention.durationS / 86_400)).toEqual([
    40, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
  ]);
  expect(await reasonOf(retention.set(alice, group, days(99)))).toBe('LIMIT_REACHED');
  expect(await retention.set(alice, group, days(15))).toEqual(days(15));
  const rules = new RetentionRules(keep, 0);
  for (const views of [node.views, new ThreadViews(node.store, 1)]) {
    const spans = (await views.latest(group))?.spans ?? [];
    expect(spans).toEqual(before);
    expect(rules.of(spans, first)).toEqual(days(40));
  }
});

test('it is told what is held, for whom, and until when; not what came before the asker, nor what stays', async () => {
  await using node = await openChatNode();
  const ids = new Ids();
  const { retention, devices, groups } = node.chat;
  const group = await groupOf(node, ids, 'alice', ['bob', 'dave']);
  for (const one of ['alice/phone', 'bob/phone', 'bob/laptop', 'carol/phone']) {
    await devices.met(one.split('/')[0] as UserId, one as DeviceId);
  }
  await post(node, ids, 'alice', group, 'stays');
  await retention.set(callerOf('alice'), group, { ...untilDelivered, durationS: 3_600 });
  const one = await post(node, ids, 'alice', group, 'one');
  await groups.add(callerOf('alice'), group, ids.next(), ['carol' as UserId]);
  const two = await post(node, ids, 'alice', group, 'two');
  await retention.set(callerOf('alice'), group, day);
  const three = await post(node, ids, 'alice', group, 'three');
  await hold(node, group, three, 'alice/phone');
  await hold(node, group, three, 'bob/phone');

  const read = (who: string, pageToken = '', limit = 50) => retention.get(callerOf(who), group, { limit, pageToken });
  const endMs = node.clock.nowMs() + 3_600_000;
  const held = [
    { sequence: one, waiting: ['bob', 'dave'], endMs },
    { sequence: two, waiting: ['bob', 'carol', 'dave'], endMs },
    { sequence: three, waiting: [], endMs: node.clock.nowMs() + 86_400_000 },
  ];
  expect(await read('alice')).toEqual({ rule: day, held, nextPageToken: '' });
  expect((await read('carol')).held).toEqual(held.slice(1));
  const page = await read('alice', '', 2);
  expect(page.held).toEqual(held.slice(0, 2));
  expect((await read('alice', page.nextPageToken, 2)).held).toEqual(held.slice(2));
  expect(await reasonOf(read('bob', page.nextPageToken))).toBe('INVALID_TOKEN');

  await hold(node, group, one, 'bob/laptop');
  expect((await read('alice')).held[0]).toEqual({ sequence: one, waiting: ['dave'], endMs });
  await node.store.erase(threadLog(group), [one], one);
  expect((await read('alice')).held.map(({ sequence }) => sequence)).toEqual([two, three]);
});
