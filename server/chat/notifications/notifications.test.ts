import { afterEach, beforeEach, expect, test } from 'vitest';
import { callerOf, groupOf } from '../../../test/support/chat-node.ts';
import { type NotifyScene, openNotifyScene, type SceneOptions } from '../../../test/support/notify-scene.ts';
import { deviceOfService, type ServiceName, systemUser, type ThreadId, type UserId } from '../../core/ids.ts';
import { RetentionRules } from '../../core/retention.ts';
import type { AccountRow, ThreadSettingsRow } from '../../core/rows.ts';
import { defaultAccount } from '../accounts.ts';
import type { ErasureReport } from '../erase-user.ts';
import { defaultSettings } from '../thread-settings.ts';

let scene: NotifyScene;
let thread: ThreadId;

async function open(options: SceneOptions = {}): Promise<void> {
  await scene?.[Symbol.asyncDispose]();
  scene = await openNotifyScene(options);
  thread = await scene.direct('alice', 'bob');
}
beforeEach(() => open());
afterEach(() => scene[Symbol.asyncDispose]());

const account = (user: string, more: Partial<AccountRow>): Promise<AccountRow> =>
  scene.node.chat.account.setSettings(callerOf(user), { ...defaultAccount, ...more });
const settings = (user: string, of: ThreadId, more: Partial<ThreadSettingsRow>): Promise<ThreadSettingsRow> =>
  scene.node.chat.threads.setSettings(callerOf(user), of, { ...defaultSettings, ...more });

test('who has no session is notified within about a second, on each device, once', async () => {
  await scene.device('bob', 'phone');
  await scene.device('bob', 'tablet');
  await scene.say('alice', thread, 'hello');
  await scene.pass(1_500);
  expect(scene.take()).toEqual(['message bob/phone 2', 'message bob/tablet 2']);
  await scene.pass(60_000);
  expect(scene.take()).toEqual([]);
});

test('one who has just left is notified as soon, though they count as online for a while', async () => {
  await scene.device('bob', 'phone');
  await scene.leave(await scene.live('bob', 'phone'));
  await scene.say('alice', thread, 'hello');
  await scene.pass(1_500);
  expect(scene.take()).toEqual(['message bob/phone 2']);
});

test('messages of one moment give one notification, of the newest, and later ones another in its place', async () => {
  await scene.device('bob', 'phone');
  for (const text of ['one', 'two', 'three']) await scene.say('alice', thread, text);
  await scene.pass(1_500);
  expect(scene.sent).toMatchObject([
    { threadId: thread, title: 'alice', text: 'three · 3 new messages', unread: 3, badge: 3 },
  ]);
  expect(scene.take()).toEqual(['message bob/phone 4']);
  await scene.say('alice', thread, 'four');
  await scene.pass(1_500);
  expect(scene.sent).toMatchObject([{ threadId: thread, sequence: 5n, unread: 4 }]);
});

test('of three devices the live one is not notified, the half-dead one and the one that is never there are, once', async () => {
  for (const device of ['live', 'half-open', 'phone']) await scene.device('bob', device);
  await scene.live('bob', 'live');
  await scene.live('bob', 'half-open');
  const sequence = await scene.say('alice', thread, 'hello');
  await scene.acknowledge('bob', 'live', thread, sequence);
  await scene.pass(10_000);
  expect(scene.take()).toEqual([]);
  await scene.pass(2_000);
  expect(scene.take()).toEqual(['message bob/half-open 2', 'message bob/phone 2']);
  await scene.pass(60_000);
  expect(scene.take()).toEqual([]);
});

test('each message of a live user has its own ten seconds', async () => {
  await scene.device('bob', 'phone');
  await scene.live('bob', 'laptop');
  await scene.say('alice', thread, 'one');
  await scene.pass(5_000);
  await scene.say('alice', thread, 'two');
  await scene.pass(6_500);
  expect(scene.take()).toEqual(['message bob/phone 2']);
  await scene.pass(5_000);
  expect(scene.take()).toEqual(['message bob/phone 3']);
});

test('what was said by a clock that is ahead has ten seconds too, or twenty', async () => {
  await scene.device('bob', 'phone');
  await scene.live('bob', 'laptop');
  for (const [aheadMs, sequence] of [
    [60_000, 2],
    [9_000, 3],
  ] as const) {
    await scene.say('alice', thread, 'hello');
    scene.clock.step(-aheadMs);
    await scene.pass(22_500);
    expect(scene.take()).toEqual([`message bob/phone ${sequence}`]);
  }
});

test('what was read before anybody looked is not notified, and what is read later is withdrawn once', async () => {
  await scene.device('bob', 'phone');
  await scene.device('bob', 'tablet');
  await scene.live('bob', 'laptop');
  const first = await scene.say('alice', thread, 'one');
  await scene.pass(3_000);
  await scene.read('bob', thread, first);
  await scene.pass(12_000);
  expect(scene.take()).toEqual([]);
  const second = await scene.say('alice', thread, 'two');
  await scene.pass(12_000);
  expect(scene.take()).toHaveLength(2);
  await scene.read('bob', thread, second);
  await scene.pass(1_000);
  expect(scene.sent).toMatchObject([{ badge: 0, title: '', text: '' }, {}]);
  expect(scene.take()).toEqual(['withdraw bob/phone 3', 'withdraw bob/tablet 3']);
  await scene.read('bob', thread, second);
  await scene.pass(60_000);
  expect(scene.take()).toEqual([]);
});

test('what is read, muted, deleted or signed out while it waits to be tried again is not sent', async () => {
  for (const user of ['bob', 'carol', 'dave', 'erin']) await scene.device(user, 'phone');
  const group = await groupOf(scene.node, scene.ids, 'alice', ['bob', 'carol', 'dave', 'erin']);
  scene.answer = () => ({ outcome: 'later', why: 'busy', retryAfterMs: 20_000 });
  const sequence = await scene.say('alice', group, 'one');
  await scene.pass(1_500);
  expect(scene.take()).toHaveLength(4);
  await scene.read('bob', group, sequence);
  await settings('carol', group, { muteUntilMs: scene.clock.nowMs() + 1e9 });
  await scene.node.chat.devices.remove(callerOf('dave'), 'phone' as never);
  await scene.node.chat.groups.remove(callerOf('alice'), group, 'r1', 'erin' as UserId);
  scene.answer = () => ({ outcome: 'sent' });
  await scene.pass(60_000);
  expect(scene.take()).toEqual(['withdraw bob/phone 2']);
});

test('a message that was deleted gives way to the one before it', async () => {
  await scene.device('bob', 'phone');
  await scene.say('alice', thread, 'one');
  const second = await scene.say('alice', thread, 'two');
  await scene.node.chat.messages.delete(callerOf('alice'), {
    threadId: thread,
    clientMessageId: 'd1',
    sequence: second,
  });
  await scene.pass(1_500);
  expect(scene.sent).toMatchObject([{ text: expect.stringContaining('one') }]);
});

test('levels of the thread come before those of the account, and a direct message is as good as a mention', async () => {
  const group = await groupOf(scene.node, scene.ids, 'alice', ['bob', 'carol', 'dave', 'erin']);
  for (const user of ['bob', 'carol', 'dave', 'erin']) await scene.device(user, 'phone');
  await account('bob', { notificationLevel: 'mentions' });
  await account('carol', { notificationLevel: 'none' });
  await settings('dave', group, { notificationLevel: 'mentions' });
  await account('erin', { notificationLevel: 'none' });
  await settings('erin', group, { notificationLevel: 'all' });
  await scene.say('alice', group, 'hello');
  await scene.pass(1_500);
  expect(scene.take()).toEqual(['message erin/phone 2']);
  const mentions = ['bob', 'carol', 'dave'] as UserId[];
  await scene.say('alice', group, 'hello all', { mentions });
  await scene.say('alice', group, 'and more');
  await scene.pass(1_500);
  expect(scene.take()).toEqual(['message bob/phone 3', 'message dave/phone 3', 'message erin/phone 4']);
  await scene.say('alice', thread, 'you');
  await settings('bob', await scene.direct('carol', 'bob'), { notificationLevel: 'mentions' });
  await scene.say('carol', await scene.direct('carol', 'bob'), 'you');
  await scene.pass(1_500);
  expect(scene.take()).toEqual(['message bob/phone 2']);
});

test('nothing by somebody who is blocked, nothing muted, nothing of before one came in, nothing of what one wrote', async () => {
  const group = await groupOf(scene.node, scene.ids, 'alice', ['bob', 'carol', 'mallory']);
  for (const user of ['alice', 'bob', 'carol', 'dave']) await scene.device(user, 'phone');
  await scene.node.chat.account.block(callerOf('bob'), 'mallory' as UserId);
  await settings('carol', group, { muteUntilMs: scene.clock.nowMs() + 3_600_000 });
  await scene.say('mallory', group, 'psst');
  await scene.node.chat.groups.add(callerOf('alice'), group, 'r1', ['dave' as UserId]);
  await scene.pass(1_500);
  expect(scene.take()).toEqual(['message alice/phone 2']);
  // Who is not blocked and wrote before counts.
  await scene.say('alice', group, 'hello');
  await scene.say('mallory', group, 'psst');
  await scene.pass(1_500);
  // What one writes after has been read: that is withdrawn, sooner or later.
  const messages = scene.take().filter((line) => line.startsWith('message'));
  expect(messages).toEqual(['message alice/phone 5', 'message bob/phone 4', 'message dave/phone 5']);
});

test('quiet hours hold what comes until they end, and then it is told once a thread, if it is unread', async () => {
  // 12:00 UTC, 13:00 in Berlin.
  await scene.device('bob', 'phone');
  const quietHours = { startMinute: 12 * 60 + 30, endMinute: 13 * 60 + 30, timeZone: 'Europe/Berlin' };
  await account('bob', { quietHours });
  const other = await scene.direct('carol', 'bob');
  await scene.say('alice', thread, 'one');
  await scene.pass(60_000);
  await scene.say('alice', thread, 'two');
  const read = await scene.say('carol', other, 'three');
  await scene.pass(60_000);
  await scene.read('bob', other, read);
  await scene.pass(27 * 60_000);
  expect(scene.take()).toEqual([]);
  await scene.pass(60_000 + 2_000);
  expect(scene.take().filter((line) => line.startsWith('message'))).toEqual(['message bob/phone 3']);
  await scene.say('alice', thread, 'after');
  await scene.pass(1_500);
  expect(scene.take()).toEqual(['message bob/phone 4']);
});

test('a device that was not seen for 30 days is notified of nothing', async () => {
  await scene.device('bob', 'phone');
  scene.clock.turn(30 * 86_400_000);
  await scene.say('alice', thread, 'hello');
  await scene.pass(15_000);
  expect(scene.take()).toEqual([]);
});

test('of a large group only those who are mentioned are notified', async () => {
  await open({ groupMax: 3 });
  const group = await groupOf(scene.node, scene.ids, 'alice', ['bob', 'carol', 'dave']);
  for (const user of ['bob', 'carol']) await scene.device(user, 'phone');
  await scene.say('alice', group, 'hello', { mentions: ['carol' as UserId] });
  await scene.say('alice', group, 'more');
  await scene.pass(1_500);
  expect(scene.take().map((line) => line.slice(0, -2))).toEqual(['message carol/phone']);
});

test('content is hidden by its user or for everybody, and told in the language of the device', async () => {
  await scene.device('bob', 'phone', { locale: 'de' });
  await scene.node.chat.profiles.update(callerOf('alice'), { displayName: 'Alice A.', avatarUrl: '' });
  await scene.say('alice', thread, 'secret');
  await scene.pass(1_500);
  expect(scene.sent.splice(0)).toMatchObject([{ title: 'Alice A.', text: 'secret' }]);
  await account('bob', { hideNotificationContent: true });
  await scene.say('alice', thread, 'secret');
  await scene.pass(1_500);
  expect(scene.sent.splice(0)).toMatchObject([{ title: 'Neue Nachricht', text: '2 neue Nachrichten' }]);
  await open({ content: false });
  await scene.device('bob', 'phone');
  await scene.say('alice', thread, 'secret');
  await scene.pass(1_500);
  expect(scene.sent).toMatchObject([{ title: 'New message', text: 'New message' }]);
});

test('the badge counts what is unread in all threads that are neither muted nor archived', async () => {
  await scene.device('bob', 'phone');
  const [archived, muted, group] = await Promise.all([
    scene.direct('carol', 'bob'),
    scene.direct('dave', 'bob'),
    groupOf(scene.node, scene.ids, 'alice'),
  ]);
  for (let said = 0; said < 4; said++) await scene.say('alice', group, 'before');
  await scene.node.chat.groups.add(callerOf('alice'), group, 'r1', ['bob' as UserId]);
  await scene.say('alice', group, 'one');
  await scene.say('alice', group, 'two');
  await settings('bob', archived, { archived: true });
  await settings('bob', muted, { muteUntilMs: scene.clock.nowMs() + 1e9 });
  await scene.say('carol', archived, 'three');
  await scene.say('dave', muted, 'four');
  const read = await scene.say('alice', thread, 'five');
  await scene.read('bob', thread, read);
  await scene.say('alice', thread, 'six');
  await scene.pass(1_500);
  expect(scene.sent.map(({ badge }) => badge)).toEqual([3, 3, 3]);
  expect(scene.sent.find(({ threadId }) => threadId === group)).toMatchObject({ unread: 2 });
});

test('a dead token is forgotten and nothing is sent to it again', async () => {
  await scene.device('bob', 'phone');
  scene.answer = () => ({ outcome: 'gone', why: 'UNREGISTERED' });
  await scene.say('alice', thread, 'hello');
  await scene.pass(1_500);
  expect(await scene.node.store.device('bob' as UserId, 'phone' as never)).toMatchObject({ pushToken: '' });
  await scene.say('alice', thread, 'hello');
  await scene.pass(60_000);
  expect(scene.take()).toEqual(['message bob/phone 2']);
});

test('what is refused is a dead letter, and what fails for a day becomes one', async () => {
  await scene.device('bob', 'phone');
  scene.answer = () => ({ outcome: 'refused', why: 'messaging/third-party-auth-error' });
  await scene.say('alice', thread, 'hello');
  await scene.pass(1_500);
  expect(await scene.queue.deadLetters(10)).toMatchObject([
    { sequence: 2n, tries: 1, error: expect.stringContaining('third-party') },
  ]);
  scene.answer = () => ({ outcome: 'later', why: 'messaging/internal-error' });
  await scene.say('alice', thread, 'again');
  for (let hours = 0; hours < 25; hours++) {
    for (let minutes = 0; minutes < 60; minutes += 5) {
      scene.clock.turn(300_000);
      await scene.pass(1);
    }
  }
  expect(await scene.queue.counts()).toMatchObject({ waiting: 0, dead: 1 });
  expect((await scene.queue.deadLetters(10))[0]).toMatchObject({ sequence: 3n, error: 'messaging/internal-error' });
  // An hour is no time to give up in.
  expect(scene.outcomes.filter((outcome) => outcome === 'retried').length).toBeGreaterThan(50);
});

test('when the quota is used up nothing is sent until the push service wants more', async () => {
  await scene.device('bob', 'phone');
  await scene.device('carol', 'phone');
  const other = await scene.direct('alice', 'carol');
  scene.answer = () => ({ outcome: 'later', why: '429', retryAfterMs: 30_000, everything: true });
  await scene.say('alice', thread, 'hello');
  await scene.pass(1_500);
  scene.answer = () => ({ outcome: 'sent' });
  await scene.say('alice', other, 'hello');
  await scene.pass(29_000);
  expect(scene.take()).toEqual(['message bob/phone 2']);
  await scene.pass(5_000);
  expect(scene.take()).toEqual(['message bob/phone 2', 'message carol/phone 2']);
});

test('a device that is new is notified, though its user had none a moment ago', async () => {
  await scene.say('alice', thread, 'one');
  await scene.pass(1_500);
  await scene.device('bob', 'phone');
  const sequence = await scene.say('alice', thread, 'two');
  await scene.pass(15_000);
  expect(scene.take()).toEqual([`message bob/phone ${sequence}`]);
});

test('of whom it cannot be said what they were notified of, the others do not wait', async () => {
  let without: string | undefined = 'bob';
  await open({
    queueOfLooks: (queue) =>
      Object.create(queue, {
        notified: {
          value: async (of: ThreadId, users: readonly UserId[]) => {
            const all = await queue.notified(of, users);
            return all.map((one, at) => (users[at] === without ? undefined : one));
          },
        },
        put: { value: queue.put.bind(queue) },
        done: { value: queue.done.bind(queue) },
      }) as typeof queue,
  });
  for (const user of ['bob', 'carol']) await scene.device(user, 'phone');
  const group = await groupOf(scene.node, scene.ids, 'alice', ['bob', 'carol']);
  await scene.say('alice', group, 'hello');
  await expect(scene.pass(1_500)).rejects.toThrow('nor say');
  await scene.pass(500);
  expect(scene.take()).toEqual(['message carol/phone 2']);
  without = undefined;
  // Another worker has it when the lease is over.
  await scene.pass(61_000);
  expect(scene.take()).toEqual(['message bob/phone 2']);
});

test('a withdrawal that comes late does not take away what came after', async () => {
  await scene.device('bob', 'phone');
  const first = await scene.say('alice', thread, 'one');
  await scene.pass(1_500);
  expect(scene.take()).toEqual(['message bob/phone 2']);
  scene.answer = ({ kind }) =>
    kind === 'withdraw' ? { outcome: 'later', why: 'busy', retryAfterMs: 5_000 } : { outcome: 'sent' };
  await scene.read('bob', thread, first);
  await scene.pass(500);
  expect(scene.take()).toEqual(['withdraw bob/phone 2']);
  await scene.say('alice', thread, 'two');
  scene.answer = () => ({ outcome: 'sent' });
  await scene.pass(60_000);
  expect(scene.take()).toEqual(['message bob/phone 3']);
});

test('what is kept only until it is delivered is not told, and what is kept for a while is kept no longer by others', async () => {
  await open({ retention: new RetentionRules({ mode: 'until-delivered', durationS: 0 }, 0) });
  await scene.device('bob', 'phone');
  await scene.say('alice', thread, 'secret');
  await scene.pass(1_500);
  expect(scene.sent).toMatchObject([{ title: 'New message', text: 'New message', ttlS: 86_400 }]);
  await open({ retention: new RetentionRules({ mode: 'keep-for', durationS: 3_600 }, 0) });
  await scene.device('bob', 'phone');
  await scene.say('alice', thread, 'hello');
  await scene.pass(1_500);
  expect(scene.sent).toMatchObject([{ text: 'hello', ttlS: 3_599 }]);
});

test('of a user who is erased the queue keeps nothing', async () => {
  for (const user of ['bob', 'carol']) await scene.device(user, 'phone');
  const group = await groupOf(scene.node, scene.ids, 'alice', ['bob', 'carol']);
  scene.answer = ({ threadId }) =>
    threadId === thread ? { outcome: 'refused', why: 'bad' } : { outcome: 'later', why: 'busy' };
  for (const of of [thread, group]) await scene.say('alice', of, 'hello');
  await scene.pass(1_500);
  expect(await scene.queue.counts()).toMatchObject({ waiting: 2, dead: 1 });
  const crm = { userId: systemUser, deviceId: deviceOfService('crm' as ServiceName), claims: {} };
  const erase = (): Promise<ErasureReport> => scene.node.chat.eraseUser.go(crm, 'bob' as UserId, 'one');
  await erase();
  // Until every node has heard that the devices are removed.
  scene.clock.turn(60_000);
  expect(await erase()).toMatchObject({ done: true });
  expect(await scene.queue.counts()).toMatchObject({ waiting: 1, dead: 0 });
  const [bob, carol] = await scene.queue.notified(group, ['bob', 'carol'] as UserId[]);
  expect([bob?.size, carol?.size]).toEqual([0, 1]);
});
