// What moderators do to a channel, over the real use cases, a log of comments in memory, and a clock turned by hand.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChannelScene, post } from '../../../test/support/channel-scene.ts';
import { callerOf } from '../../../test/support/chat-node.ts';
import type { DeliveryNode } from '../../../test/support/delivery-node.ts';
import { topicOf } from '../../bus/bus.ts';
import type { Comment } from '../../core/comment.ts';
import { channelLog, noDevice, type UserId } from '../../core/ids.ts';

let scene: ChannelScene;
let node: DeliveryNode;

beforeEach(async () => {
  scene = await ChannelScene.open();
  ({ node } = scene);
});
afterEach(() => scene[Symbol.asyncDispose]());

describe('Moderation', () => {
  beforeEach(async () => {
    await scene.say('bob', 'first');
    const change = { kind: 'moderator-changed', userId: 'mod' as UserId, moderator: true } as const;
    await node.chat.channels.change(post, 'mod' as UserId, change);
  });

  it('a deleted comment is taken back from who has it, and its text from who has not yet', async () => {
    const ann = await scene.listen('ann');
    ann.freeze();
    const number = await scene.say('bob', 'rude');
    await node.chat.channels.delete(callerOf('mod'), post, number);
    ann.thaw();
    await scene.tick();
    expect(ann.all('commentBatch').flatMap(({ deletedNumbers }) => deletedNumbers)).toContain(number);
    const { comments } = await node.chat.channels.list(callerOf('ann'), {
      channelId: post,
      limit: 10,
      pageToken: '',
      before: 0n,
    });
    expect(comments.find((comment) => comment.number === number)).toMatchObject({ text: '', deleted: true });
  });

  /** The log on Redis may be in a later epoch than this node knows of. */
  async function laterEpoch(): Promise<{
    readonly epoch: bigint;
    readonly remove: (number: bigint, epoch: bigint) => Promise<void>;
    readonly say: (from: bigint, count: number, epoch: bigint) => Promise<void>;
  }> {
    const { epoch } = await node.comments.count(post);
    const [kept] = await node.comments.range(post, { after: 0n, before: 0n, limit: 1, fromEnd: false });
    const topic = topicOf.post(post);
    return {
      epoch: epoch + 1n,
      remove: (number, of) => node.bus.publish(topic, { type: 'comment-deleted', channelId: post, epoch: of, number }),
      say(from, count, of) {
        const numbers = Array.from({ length: count }, (_, at) => from + BigInt(at));
        const comments = numbers.map((number) => ({ ...kept, number, text: `later ${number}` })) as Comment[];
        return node.bus.publish(topic, {
          type: 'comments',
          channelId: post,
          epoch: of,
          comments,
          second: 1,
          perSecond: 0,
        });
      },
    };
  }

  it('what is deleted in an epoch that the node has not heard of yet is not shown in it, and taken back', async () => {
    const ann = await scene.listen('ann');
    const number = await scene.say('bob', 'rude');
    await scene.tick();
    const { epoch, remove, say } = await laterEpoch();
    await remove(number, epoch);
    await remove(number + 1n, epoch);
    await remove(number + 2n, epoch + 1n);
    await scene.tick();
    expect(ann.all('commentBatch').flatMap(({ deletedNumbers }) => deletedNumbers)).toEqual([]);
    await say(number + 1n, 2, epoch);
    await scene.tick();
    const later = ann.all('commentBatch').filter((batch) => batch.epoch === epoch);
    const shown = later.flatMap(({ comments }) => comments.map(({ text, deleted }) => ({ text, deleted })));
    // The second one of the two was deleted in another epoch.
    expect(shown).toEqual([
      { text: '', deleted: true },
      { text: `later ${number + 2n}`, deleted: false },
    ]);
    expect(later.flatMap(({ deletedNumbers }) => deletedNumbers)).toEqual([number, number + 1n]);
    await say(number + 2n, 2, epoch + 1n);
    await scene.tick();
    const last = ann.all('commentBatch').filter((batch) => batch.epoch === epoch + 1n);
    expect(last.flatMap(({ deletedNumbers }) => deletedNumbers)).toEqual([number + 2n]);
  });

  it('of what is deleted in epochs to come, the latest is remembered', async () => {
    const ann = await scene.listen('ann');
    const { epoch, remove, say } = await laterEpoch();
    for (let number = 2n; number < 302n; number += 1n) await remove(number, epoch);
    await say(2n, 300, epoch);
    await scene.tick();
    const shown = ann.all('commentBatch').flatMap(({ comments }) => comments.filter(({ deleted }) => !deleted));
    expect(shown.map(({ number }) => number)).toEqual(Array.from({ length: 44 }, (_, at) => BigInt(at + 2)));
  });

  it('a moderator takes a comment off the screens also when it is not kept any more', async () => {
    const ann = await scene.listen('ann');
    const number = await scene.say('bob', 'rude');
    for (let n = 0; n < 100; n += 1) await scene.say('bob', 'more');
    await node.chat.channels.delete(callerOf('mod'), post, number);
    await scene.tick();
    await ann.until(() => ann.all('commentBatch').some(({ deletedNumbers }) => deletedNumbers.includes(number)));
    await expect(node.chat.channels.delete(callerOf('mod'), post, 9_999n)).rejects.toMatchObject({
      reason: 'COMMENT_NOT_FOUND',
    });
  });

  it('slow mode changes nothing else, however old what is remembered of the channel is', async () => {
    await node.chat.channels.describe(post);
    // Another node closes it, and this one does not hear of it.
    const log = channelLog(post);
    const rules = { slowModeS: 0, historyCount: 100, historyS: 3_600 };
    const change = { kind: 'channel-changed', closed: true, ...rules } as const;
    const entry = { senderId: 'mod' as UserId, deviceId: noDevice, clientMessageId: '', fingerprint: '', change };
    await node.appender.appendRows(log, () => Promise.resolve([entry]));
    await node.chat.channels.setSlowMode(callerOf('mod'), post, 5);
    expect(await node.chat.channels.describe(post)).toMatchObject({ closed: true, slowModeS: 5 });
  });

  it('one may delete what one said, and nobody else may but a moderator', async () => {
    const number = await scene.say('bob', 'mine');
    await expect(node.chat.channels.delete(callerOf('ann'), post, number)).rejects.toMatchObject({
      reason: 'ROLE_REQUIRED',
    });
    await node.chat.channels.delete(callerOf('bob'), post, number);
    await expect(node.chat.channels.delete(callerOf('bob'), post, 99n)).rejects.toMatchObject({
      reason: 'COMMENT_NOT_FOUND',
    });
  });

  it('a pinned comment is told to all, and to who comes later', async () => {
    const ann = await scene.listen('ann');
    await node.chat.channels.pin(callerOf('mod'), post, 1n);
    await ann.until(() => ann.all('channelChanged').length === 2);
    expect(ann.all('channelChanged').at(-1)?.channel?.pinnedComment).toMatchObject({ number: 1n, text: 'first' });
    const late = await scene.listen('late');
    await scene.tick();
    expect(late.all('channelChanged')[0]?.channel?.pinnedComment).toMatchObject({ number: 1n, pinned: true });
    await node.chat.channels.pin(callerOf('mod'), post, 0n);
    await ann.until(() => ann.all('channelChanged').length === 3);
    expect(ann.all('channelChanged').at(-1)?.channel?.pinnedComment).toBeUndefined();
    await expect(node.chat.channels.pin(callerOf('ann'), post, 1n)).rejects.toMatchObject({ reason: 'ROLE_REQUIRED' });
  });

  it('however often a moderator changes it, who does not read has no more than a few changes waiting, and the newest last', async () => {
    const ann = await scene.listen('ann');
    ann.freeze();
    for (let slowModeS = 1; slowModeS <= 100; slowModeS += 1) {
      await node.chat.channels.setSlowMode(callerOf('mod'), post, slowModeS);
      await scene.tick();
    }
    ann.thaw();
    await ann.until(() => ann.all('channelChanged').at(-1)?.channel?.slowModeSeconds === 100);
    expect(ann.all('channelChanged').length).toBeLessThan(10);
  });

  it('who is silenced cannot comment until the time is over, and is told when', async () => {
    const untilMs = node.clock.nowMs() + 60_000;
    await node.chat.channels.restrict(callerOf('mod'), post, 'bob' as UserId, untilMs);
    await expect(scene.say('bob', 'no')).rejects.toMatchObject({ reason: 'RESTRICTED' });
    node.clock.turn(61_000);
    await expect(scene.say('bob', 'again')).resolves.toBe(2n);
  });

  it('slow mode holds for everybody but moderators, and says when one may comment again', async () => {
    await node.chat.channels.setSlowMode(callerOf('mod'), post, 30);
    await scene.say('bob', 'one');
    const refused = await scene.say('bob', 'two').catch((error: unknown) => error);
    expect(refused).toMatchObject({ reason: 'RATE_LIMITED' });
    expect((refused as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(20_000);
    await scene.say('mod', 'one');
    await scene.say('mod', 'two');
  });

  it('a closed channel takes no comments, and is read on', async () => {
    const ann = await scene.listen('ann');
    const rules = { slowModeS: 0, historyCount: 100, historyS: 3_600 };
    await node.chat.channels.change(post, 'mod' as UserId, { kind: 'channel-changed', closed: true, ...rules });
    await ann.until(() => ann.all('channelChanged').length === 2);
    expect(ann.all('channelChanged').at(-1)?.channel?.closed).toBe(true);
    await expect(scene.say('bob', 'late')).rejects.toMatchObject({ reason: 'CHANNEL_CLOSED' });
  });

  it('what was said in time is answered as before, also once its author is silenced or the channel is closed', async () => {
    const again = (text = 'in time'): Promise<bigint> => scene.say('bob', text, { clientMessageId: 'mine' });
    const number = await again();
    await node.chat.channels.restrict(callerOf('mod'), post, 'bob' as UserId, node.clock.nowMs() + 60_000);
    expect(await again()).toBe(number);
    await expect(again('other')).rejects.toMatchObject({ reason: 'ID_REUSED' });
    await expect(scene.say('bob', 'late')).rejects.toMatchObject({ reason: 'RESTRICTED' });
    const rules = { slowModeS: 0, historyCount: 100, historyS: 3_600 };
    await node.chat.channels.change(post, 'mod' as UserId, { kind: 'channel-changed', closed: true, ...rules });
    expect(await again()).toBe(number);
    await expect(scene.say('bob', 'late')).rejects.toMatchObject({ reason: 'CHANNEL_CLOSED' });
  });
});
