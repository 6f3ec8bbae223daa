// Sessions that hear a channel, over the real use cases, a log of comments in memory, and a clock turned by hand.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { accountOf } from '../../../test/support/channel-account.ts';
import { ChannelScene, everything, post } from '../../../test/support/channel-scene.ts';
import { type DeliveryNode, type Device, openDeliveryNode, turns } from '../../../test/support/delivery-node.ts';
import { topicOf } from '../../bus/bus.ts';
import { parseChannelId, type UserId } from '../../core/ids.ts';
import type { DeliveryClass } from './channel.ts';

const sampled: DeliveryClass = { kind: 'sampled', maxRate: 5 };
const latest: DeliveryClass = { kind: 'latest' };

let scene: ChannelScene;
let node: DeliveryNode;

beforeEach(async () => {
  scene = await ChannelScene.open();
  ({ node } = scene);
});
afterEach(() => scene[Symbol.asyncDispose]());

describe('A session that hears a channel', () => {
  it('is told the channel first, then every comment once and in order', async () => {
    const ann = await scene.listen('ann');
    for (let n = 1; n <= 20; n += 1) await scene.say('bob', `c${n}`);
    await scene.tick();
    const channel = ann.told.findIndex((frame) => frame.$case === 'channelChanged');
    expect(channel).toBeGreaterThanOrEqual(0);
    expect(channel).toBeLessThan(ann.told.findIndex((frame) => frame.$case === 'commentBatch'));
    const account = accountOf(ann);
    expect(account.received).toEqual(Array.from({ length: 20 }, (_, at) => `c${at + 1}`));
    expect(account.skipped).toBe(0);
  });

  it('accounts for what comes after it began, and for nothing before', async () => {
    await scene.say('bob', 'before');
    const ann = await scene.listen('ann');
    await scene.say('bob', 'after');
    await scene.tick();
    expect(accountOf(ann)).toMatchObject({ received: ['after'], upTo: 2n });
  });

  it('hears nothing more once it has unsubscribed, and the node leaves the channel with the last', async () => {
    const ann = await scene.listen('ann');
    ann.session.channels.unsubscribe(post);
    expect(node.delivery.channels.channels).toBe(0);
    await scene.say('bob', 'unheard');
    await scene.tick();
    expect(accountOf(ann).received).toEqual([]);
  });

  it('leaves nothing behind when its stream breaks while it comes in', async () => {
    const ann = await node.live('ann');
    const subscribed = ann.session.channels.subscribe(post, everything, undefined);
    ann.break();
    await subscribed;
    await turns();
    expect(node.delivery.channels.channels).toBe(0);
  });

  it('can take another class at any time, and accounts from there', async () => {
    const ann = await scene.listen('ann');
    await scene.say('bob', 'one');
    await scene.tick();
    await ann.session.channels.subscribe(post, latest, undefined);
    ann.told.length = 0;
    await ann.session.channels.subscribe(post, latest, undefined);
    await scene.say('bob', 'two');
    await scene.tick();
    expect(accountOf(ann)).toMatchObject({ received: ['two'], upTo: 2n });
  });
});

describe('Received and skipped are what was published', () => {
  it('in each class, for who reads and for who does not for a while', async () => {
    const devices = [
      await scene.listen('a1'),
      await scene.listen('a2', sampled),
      await scene.listen('a3', latest),
      await scene.listen('f1'),
      await scene.listen('f2', sampled),
      await scene.listen('f3', latest),
    ];
    const frozen = devices.slice(3);
    for (const device of frozen) device.freeze();
    const said = 300;
    // Several to a tick, so that the classes have something to leave out.
    for (let n = 0; n < said / 20; n += 1) {
      const some = Array.from({ length: 20 }, () => scene.say('bob', 'x'.repeat(1_500)));
      await Promise.all(some);
      await scene.tick();
    }
    for (const device of frozen) device.thaw();
    await scene.tick();
    await scene.say('bob', 'last');
    // What waited for the frozen ones comes message by message.
    const isThere = (device: Device): boolean => accountOf(device).upTo === BigInt(said + 1);
    for (let ticks = 0; ticks < 50 && !devices.every(isThere); ticks += 1) await scene.tick();
    for (const device of devices) {
      const { received, skipped, upTo } = accountOf(device);
      expect(upTo).toBe(BigInt(said + 1));
      expect(received.length + skipped).toBe(said + 1);
    }
    const [whole, part, newest, slow] = devices.map((device) => accountOf(device).received.length);
    expect(whole).toBe(said + 1);
    expect(part).toBeLessThan(said / 2);
    expect(newest).toBeLessThan(said / 4);
    expect(slow).toBeLessThan(said / 2);
  });

  it('where the bus lost some: what is kept is read back, what is not is told as lost', async () => {
    const ann = await scene.listen('ann');
    await scene.say('bob', 'one');
    const whole = node.bus.publish.bind(node.bus);
    node.bus.publish = () => Promise.resolve();
    await scene.say('bob', 'two');
    await scene.say('bob', 'three');
    node.bus.publish = whole;
    await scene.say('bob', 'four');
    await scene.tick();
    expect(accountOf(ann)).toMatchObject({ received: ['one', 'two', 'three', 'four'], skipped: 0 });

    node.bus.publish = () => Promise.resolve();
    for (let n = 0; n < 150; n += 1) await scene.say('bob', `gone ${n}`);
    node.bus.publish = whole;
    await scene.say('bob', 'back');
    await scene.tick();
    const { received, skipped, upTo } = accountOf(ann);
    expect(upTo).toBe(155n);
    expect(received.length + skipped).toBe(155);
    // One hundred are kept, the last of them included.
    expect(skipped).toBeGreaterThan(0);
    expect(received.slice(-100)).toEqual([...Array.from({ length: 99 }, (_, at) => `gone ${at + 51}`), 'back']);
  });
});

describe('Whatever the class', () => {
  it('a session hears its own comments, answers to them, mentions of it, and moderators', async () => {
    const ann = await scene.listen('ann', latest);
    await node.chat.channels.change(post, 'mod' as UserId, {
      kind: 'moderator-changed',
      userId: 'mod' as UserId,
      moderator: true,
    });
    await scene.tick();
    const first = await scene.say('ann', 'mine before');
    await scene.tick();
    const filler = (): Promise<bigint> => scene.say('bob', 'filler');
    await Promise.all([
      filler(),
      scene.say('ann', 'mine'),
      filler(),
      scene.say('bob', 'answer', { replyTo: first }),
      filler(),
      scene.say('bob', 'hello ann', { mentions: ['ann'] }),
      scene.say('mod', 'be kind'),
      filler(),
      scene.say('bob', 'newest'),
    ]);
    await scene.tick();
    const { received, skipped } = accountOf(ann);
    for (const text of ['mine before', 'mine', 'answer', 'hello ann', 'be kind']) expect(received).toContain(text);
    expect(received.length + skipped).toBe(10);
    expect(received.filter((text) => text === 'filler').length).toBeLessThan(4);
  });
});

describe('A session that comes back', () => {
  it('is told what it missed, as far as it is kept, then goes on', async () => {
    const ann = await scene.listen('ann');
    await scene.say('bob', 'one');
    await scene.tick();
    const epoch = ann.all('channelChanged')[0]?.channel?.epoch ?? 0n;
    ann.break();
    await scene.say('bob', 'two');
    await scene.say('bob', 'three');
    const again = await node.live('ann', 'd2');
    await again.session.channels.subscribe(post, everything, { epoch, after: 1n });
    await scene.say('bob', 'four');
    await scene.tick();
    const told = again.all('commentBatch').flatMap(({ comments }) => comments.map(({ text }) => text));
    expect(told).toEqual(['two', 'three', 'four']);
  });

  it('is told no more than there is room for, however often it asks, and what is left out as skipped', async () => {
    for (let n = 0; n < 100; n += 1) await scene.say('bob', 'x'.repeat(2_000));
    const { epoch } = await node.comments.count(post);
    const ann = await node.live('ann');
    ann.freeze();
    const channels = ann.session.channels;
    const asked = Array.from({ length: 50 }, () => channels.subscribe(post, everything, { epoch, after: 0n }));
    await Promise.all(asked);
    await turns();
    expect(ann.waiting).toBeLessThan(400 * 1_024);
    ann.thaw();
    await scene.say('bob', 'last');
    await scene.tick();
    // The last Subscribe is the one that counts.
    const begun = ann.told.findLastIndex((frame) => frame.$case === 'channelChanged');
    ann.told.splice(0, begun);
    let next = 1n;
    for (const frame of ann.told) {
      const isSkip = frame.$case === 'skipped';
      if (!isSkip && frame.$case !== 'commentBatch') continue;
      const [from, to] = isSkip ? [frame.value.from, frame.value.to] : [frame.value.fromNumber, frame.value.toNumber];
      expect(from).toBe(next);
      next = to + 1n;
    }
    expect(next).toBe(102n);
  });

  it('is told which ones it will not hear, when more were missed than are kept', async () => {
    const ann = await scene.listen('ann');
    await scene.say('bob', 'one');
    await scene.tick();
    const epoch = ann.all('channelChanged')[0]?.channel?.epoch ?? 0n;
    ann.break();
    for (let n = 0; n < 150; n += 1) await scene.say('bob', `m${n}`);
    const again = await node.live('ann', 'd2');
    await again.session.channels.subscribe(post, everything, { epoch, after: 1n });
    await scene.tick();
    const told = again.all('commentBatch').flatMap(({ comments }) => comments);
    const skipped = again.all('skipped').reduce((sum, { from, to }) => sum + Number(to - from + 1n), 0);
    expect(told.length + skipped).toBe(150);
    expect(told.length).toBe(100);
  });
});

describe('A channel says of itself', () => {
  it('once a second what was published and shown, and nothing while nothing happens', async () => {
    const ann = await scene.listen('ann', latest);
    await scene.tick();
    await Promise.all([
      scene.say('bob', 'one'),
      scene.say('bob', 'two'),
      scene.say('bob', 'three'),
      scene.say('bob', 'four'),
    ]);
    await turns();
    node.clock.turn(1_100);
    await turns();
    const stats = ann.all('channelStats').at(-1);
    expect(stats).toMatchObject({ publishedCount: 4n, publishedPerSecond: 4, listenerCount: 1n });
    expect(stats?.shownPerSecond).toBeLessThan(4);
    // That nothing was said in the second after is news too.
    node.clock.turn(1_100);
    await turns();
    const told = ann.all('channelStats').length;
    node.clock.turn(5_000);
    await turns();
    expect(ann.all('channelStats')).toHaveLength(told);
  });
});

describe('Bounds', () => {
  it('a channel has no more listeners on a node than it may have', async () => {
    await using small = await openDeliveryNode({ maxListeners: 2 });
    const join = async (user: string): Promise<void> => {
      const device = await small.live(user);
      await device.session.channels.subscribe(post, everything, undefined);
    };
    await join('a');
    await join('b');
    await expect(join('c')).rejects.toMatchObject({ reason: 'LISTENER_CAP' });
  });

  it('a session hears no more channels than it may', async () => {
    const ann = await node.live('ann');
    for (let n = 0; n < 20; n += 1) {
      await ann.session.channels.subscribe(parseChannelId(`c${n}`), everything, undefined);
    }
    await expect(ann.session.channels.subscribe(parseChannelId('c20'), everything, undefined)).rejects.toMatchObject({
      reason: 'LIMIT_REACHED',
    });
  });

  it('where only services make channels, first use makes none', async () => {
    await using strict = await openDeliveryNode({ channels: { firstUse: undefined } });
    const ann = await strict.live('ann');
    await expect(ann.session.channels.subscribe(post, everything, undefined)).rejects.toMatchObject({
      reason: 'CHANNEL_NOT_FOUND',
    });
    expect(strict.delivery.channels.channels).toBe(0);
  });

  it('numbering that begins anew is told before anything of it', async () => {
    const ann = await scene.listen('ann');
    await scene.say('bob', 'old');
    await scene.tick();
    const before = ann.told.length;
    const comment = (await node.comments.range(post, { after: 0n, before: 0n, limit: 1, fromEnd: false }))[0];
    const epoch = (ann.all('channelChanged')[0]?.channel?.epoch ?? 0n) + 1n;
    const comments = [{ ...comment, text: 'new', number: 1n }] as never;
    await node.bus.publish(topicOf.post(post), {
      type: 'comments',
      channelId: post,
      epoch,
      comments,
      second: 1,
      perSecond: 0,
    });
    await scene.tick();
    const after = ann.told.slice(before).map((frame) => frame.$case);
    expect(after.indexOf('channelChanged')).toBeLessThan(after.indexOf('commentBatch'));
    expect(after).toContain('commentBatch');
  });
});
