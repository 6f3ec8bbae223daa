// A comment that is given again is answered as the first time, whatever holds by then.
import { expect, test } from 'vitest';
import { ChannelScene, post } from '../../test/support/channel-scene.ts';
import { callerOf } from '../../test/support/chat-node.ts';
import type { UserId } from '../core/ids.ts';
import type { LimitsConfig } from './limits.ts';

const once = { clientMessageId: 'once' };

/** Bob has said one thing. */
async function openScene(limits: Partial<LimitsConfig> = {}): Promise<ChannelScene> {
  const scene = await ChannelScene.open({ limits });
  await scene.say('bob', 'first', once);
  const change = { kind: 'moderator-changed', userId: 'mod' as UserId, moderator: true } as const;
  await scene.node.chat.channels.change(post, 'mod' as UserId, change);
  return scene;
}

test('once the channel is closed, and nothing new is taken', async () => {
  await using scene = await openScene();
  const rules = { slowModeS: 0, historyCount: 100, historyS: 3_600 };
  const close = { kind: 'channel-changed', closed: true, ...rules } as const;
  await scene.node.chat.channels.change(post, 'mod' as UserId, close);
  expect(await scene.say('bob', 'first', once)).toBe(1n);
  await expect(scene.say('bob', 'other', once)).rejects.toMatchObject({ reason: 'ID_REUSED' });
  await expect(scene.say('bob', 'second')).rejects.toMatchObject({ reason: 'CHANNEL_CLOSED' });
  expect((await scene.node.comments.count(post)).published).toBe(1n);
});

test('of a user whom a moderator has silenced since', async () => {
  await using scene = await openScene();
  const untilMs = scene.node.clock.nowMs() + 60_000;
  await scene.node.chat.channels.restrict(callerOf('mod'), post, 'bob' as UserId, untilMs);
  expect(await scene.say('bob', 'first', once)).toBe(1n);
  await expect(scene.say('bob', 'second')).rejects.toMatchObject({ reason: 'RESTRICTED' });
});

test('in slow mode', async () => {
  await using scene = await openScene();
  await scene.node.chat.channels.setSlowMode(callerOf('mod'), post, 30);
  await scene.say('bob', 'second', { clientMessageId: 'second' });
  expect(await scene.say('bob', 'first', once)).toBe(1n);
  await expect(scene.say('bob', 'third')).rejects.toMatchObject({ reason: 'RATE_LIMITED' });
});

test('of a user who has none left, as often as they might comment', async () => {
  await using scene = await openScene({ commentsPerS: 0.001, commentBurst: 2 });
  await scene.say('bob', 'second');
  expect(await scene.say('bob', 'first', once)).toBe(1n);
  await expect(scene.say('bob', 'third')).rejects.toMatchObject({ reason: 'RATE_LIMITED' });
  await expect(scene.say('bob', 'first', once)).rejects.toMatchObject({ reason: 'RATE_LIMITED' });
});
