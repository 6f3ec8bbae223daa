// Tabs on the Web Locks and BroadcastChannels of Node, which are those of browsers; the server is the test.
import { afterEach, expect, test } from 'vitest';
import { Channel } from '#proto/parley/v1/channel_service.ts';
import { CommentBatch } from '#proto/parley/v1/stream_service.ts';
import { ManualRuntime } from '../../../test/support/manual-runtime.ts';
import { ScriptedCarrier, unavailable } from '../../../test/support/scripted-carrier.ts';
import { ScriptedThread } from '../../../test/support/scripted-thread.ts';
import { ParleyClient } from '../../core/client.ts';
import * as Code from '../../core/codes.ts';
import { GOODBYE } from '../../core/connection-state.ts';
import { ParleyError } from '../../core/errors.ts';
import { systemRuntime } from '../../core/runtime.ts';
import type { Runtime } from '../../core/runtime.ts';
import { Tabs } from './tabs.ts';
import type { Role } from './tabs.ts';

interface TestTab {
  readonly tabs: Tabs;
  readonly client: ParleyClient;
  readonly carrier: ScriptedCarrier;
  readonly roles: Role[];
}

const opened: TestTab[] = [];
let names = 0;

afterEach(async () => {
  for (const { tabs } of opened.splice(0)) tabs.close();
  names += 1;
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

async function openTab(runtime: Runtime = systemRuntime): Promise<TestTab> {
  const carrier = new ScriptedCarrier();
  const roles: Role[] = [];
  const tabs = new Tabs({
    name: `parley test ${names}`,
    carrier,
    runtime,
    locks: navigator.locks,
    userId: 'alice',
    deviceId: 'web-1',
    changed: (role) => {
      roles.push(role);
      client.reconnect();
    },
    signedOut: () => undefined,
  });
  const client = new ParleyClient({
    carrier: tabs,
    getToken: () => 'jwt',
    deviceId: 'web-1',
    userId: 'alice',
    runtime,
  });
  const tab = { tabs, client, carrier, roles };
  opened.push(tab);
  tabs.join(client);
  await until(() => roles.length > 0);
  await client.start();
  return tab;
}

/** A leading tab that is live, alone. */
async function single(): Promise<{ leader: TestTab; thread: ScriptedThread }> {
  const leader = await openTab();
  const thread = new ScriptedThread('t');
  await until(() => leader.carrier.streams.length === 1);
  leader.carrier.last.welcome();
  leader.carrier.last.tell(thread.heads());
  leader.carrier.last.caughtUp();
  return { leader, thread };
}

/** The leading tab's session moves as the first other tab comes. */
async function moved({ carrier }: TestTab): Promise<void> {
  await until(() => carrier.streams.length === 2);
  carrier.last.welcome({ resumed: true });
  carrier.last.caughtUp();
  carrier.streams[0]!.goodbye({ reason: GOODBYE.handedOver });
  carrier.streams[0]!.end();
}

/** A leading tab that is live, and one that follows it. */
async function pair(): Promise<{ leader: TestTab; follower: TestTab; thread: ScriptedThread }> {
  const { leader, thread } = await single();
  const follower = await openTab();
  await moved(leader);
  await follower.client.ready();
  return { leader, follower, thread };
}

function channelOf(channelId: string, published: number) {
  const channel = Channel.fromPartial({ channelId, epoch: 3n, publishedCount: BigInt(published) });
  return { $case: 'channelChanged', value: { channel } } as const;
}

test('the first leads, the next follows and opens no stream of its own', async () => {
  const { leader, follower } = await pair();
  expect([leader.roles, follower.roles]).toEqual([['leading'], ['following']]);
  expect(follower.carrier.streams).toEqual([]);
});

test('a tab alone has a plain stream; its session moves when another comes, and it is live all the while', async () => {
  const { leader, thread } = await single();
  const phases: string[] = [];
  leader.client.on('connection', ({ phase }) => phases.push(phase));
  const follower = await openTab();
  await until(() => leader.carrier.streams.length === 2);
  expect([leader.carrier.last.hello.handOver, leader.carrier.last.hello.resumeToken.toString()]).toEqual([
    true,
    'token-1',
  ]);
  const [old] = leader.carrier.streams;
  old?.tell(thread.post('bob', 'of the old stream'));
  expect(leader.client.items('t').length).toBe(1);
  await moved(leader);
  await follower.client.ready();
  expect(new Set(phases)).toEqual(new Set(['live']));
  expect(follower.client.heads(['t'])).toMatchObject([{ sequence: 1n }]);
});

test('a tab that has no stream yet opens it anew when another comes', async () => {
  const leader = await openTab();
  await until(() => leader.carrier.streams.length === 1);
  const follower = await openTab();
  await until(() => leader.carrier.streams.length === 2);
  expect([leader.carrier.streams[0]?.closedBy, leader.carrier.last.hello.handOver]).toEqual(['abort', false]);
  leader.carrier.last.welcome();
  leader.carrier.last.caughtUp();
  await follower.client.ready();
});

test('a session that another tab supersedes as it takes the lead is lost, not closed, however late this one hears of it; superseded otherwise it is', async () => {
  const supersededOne = async (): Promise<{ tab: TestTab; runtime: ManualRuntime }> => {
    const runtime = new ManualRuntime();
    const tab = await openTab(runtime);
    await until(() => tab.carrier.streams.length === 1);
    tab.carrier.last.welcome();
    tab.carrier.last.caughtUp();
    tab.carrier.last.goodbye({ reason: GOODBYE.superseded });
    tab.carrier.last.end(new ParleyError({ reason: 'SUPERSEDED', code: Code.ABORTED, message: '' }));
    await runtime.advance(1999);
    expect(tab.client.connection.phase).toBe('live');
    return { tab, runtime };
  };
  const first = await supersededOne();
  await first.runtime.advance(1);
  expect(first.tab.client.connection).toMatchObject({ phase: 'closed', reason: 'superseded' });

  const { tab, runtime } = await supersededOne();
  void navigator.locks.request(`parley test ${names}`, { steal: true }, () => undefined);
  await until(() => tab.roles.includes('following'));
  await until(() => tab.carrier.streams.length === 2);
  await runtime.advance(1);
  expect(tab.client.connection.phase).not.toBe('closed');
});

test('what one says is answered to it alone, and what it sent is told to all', async () => {
  const { leader, follower } = await pair();
  const sent = follower.client.send('t', 'hello');
  await until(() => leader.carrier.last.of('send').length === 1);
  const [said] = leader.carrier.last.of('send');
  const value = { threadId: 't', sequence: 1n, ordinal: 1n, epoch: 1n, createTime: undefined, duplicate: false };
  const reply = { requestId: said!.requestId, result: { $case: 'send', value } } as const;
  leader.carrier.last.tell({ $case: 'reply', value: reply });
  expect((await sent).sequence).toBe(1n);
  for (const { client } of [leader, follower]) {
    await until(() => client.items('t').length === 1);
    expect(client.message('t', 1n)).toMatchObject({ senderId: 'alice', clientMessageId: said!.value.clientMessageId });
  }
  void leader.client.send('t', 'of the leader');
  await until(() => leader.carrier.last.of('send').length === 2);
  const { requestId } = leader.carrier.last.of('send')[1]!;
  const second = { $case: 'send', value: { ...value, sequence: 2n, ordinal: 2n } } as const;
  leader.carrier.last.tell({ $case: 'reply', value: { requestId, result: second } });
  await until(() => follower.client.items('t').length === 2);
});

test('what one had sent before, of which no tab was told, all ask for', async () => {
  const { leader, follower, thread } = await pair();
  // The first sending had no reply, so none of them knows the entry; the node tells it to other sessions alone.
  thread.post('alice', 'hello');
  for (const { carrier } of [leader, follower]) carrier.answer = (_path, request) => thread.list(request);
  void leader.client.send('t', 'hello').catch(() => undefined);
  await until(() => leader.carrier.last.of('send').length === 1);
  const [said] = leader.carrier.last.of('send');
  const value = { threadId: 't', sequence: 1n, ordinal: 1n, epoch: 1n, createTime: undefined, duplicate: true };
  const reply = { requestId: said!.requestId, result: { $case: 'send', value } } as const;
  leader.carrier.last.tell({ $case: 'reply', value: reply });
  for (const { client } of [leader, follower]) await until(() => client.items('t').length === 1);
});

test('one that waits before it asks the leading one again does so as soon as there is a session', async () => {
  const { leader } = await single();
  const follower = await openTab(new ManualRuntime());
  await moved(leader);
  await follower.client.ready();
  leader.carrier.last.end(unavailable());
  await until(() => follower.client.connection.phase === 'waiting');
  await until(() => leader.carrier.streams.length === 3);
  leader.carrier.last.welcome();
  leader.carrier.last.caughtUp();
  // Its own time stands still.
  await follower.client.ready();
});

test('one that the leading one has let go, as it seemed to end, is told so when it says something, and follows again', async () => {
  const { leader } = await single();
  const channel = new BroadcastChannel(`parley test ${names}`);
  const said = new Promise<{ tab: string; stream: number }>((resolve) => {
    channel.onmessage = ({ data }) => (data as { kind: string }).kind === 'open' && resolve(data as never);
  });
  const follower = await openTab(new ManualRuntime());
  await moved(leader);
  await follower.client.ready();
  const { tab, stream } = await said;
  channel.postMessage({ kind: 'close', tab, stream });
  const sent = follower.client.send('t', 'hello');
  await until(() => follower.client.connection.phase === 'waiting');
  follower.client.reconnect();
  await until(() => leader.carrier.last.of('send').length === 1);
  const { requestId } = leader.carrier.last.of('send')[0]!;
  const value = { threadId: 't', sequence: 1n, ordinal: 1n, epoch: 1n, createTime: undefined, duplicate: false };
  leader.carrier.last.tell({ $case: 'reply', value: { requestId, result: { $case: 'send', value } } });
  expect((await sent).sequence).toBe(1n);
  channel.close();
});

test('only the leading one acknowledges, and the others do not ask for what it has', async () => {
  const { leader, follower, thread } = await pair();
  leader.carrier.last.tell(thread.post('bob', 'one'));
  await until(() => follower.client.items('t').length === 1);
  await until(() => leader.carrier.last.of('ack').length > 0);
  expect(leader.carrier.last.of('ack').map(({ value }) => value.position?.upToSequence)).toEqual([1n]);
  expect(follower.carrier.calls).toEqual([]);
});

test('wishes are joined: the server hears of a channel when the first wants it, and when the last does not', async () => {
  const { leader, follower } = await pair();
  const { last } = leader.carrier;
  void leader.client.subscribeChannel('c');
  last.tell(channelOf('c', 0));
  void follower.client.subscribeChannel('c', { delivery: 'latest' });
  void follower.client.watchPresence(['bob']);
  await until(() => last.of('watchPresence').length === 1);
  expect(last.of('subscribe').length).toBe(1);
  leader.client.unsubscribeChannel('c');
  follower.client.unsubscribeChannel('c');
  await until(() => last.of('unsubscribe').length === 1);
});

test('when the leading one sleeps the other leads with the token, and what had no answer is sent again as it was', async () => {
  const { leader, follower } = await pair();
  const sent = follower.client.send('t', 'in doubt');
  await until(() => leader.carrier.last.of('send').length === 1);
  const [first] = leader.carrier.last.of('send');
  leader.client.suspend();
  leader.tabs.sleep();
  await until(() => follower.carrier.streams.length === 1);
  expect(Buffer.from(follower.carrier.last.hello.resumeToken).toString()).toBe('token-1');
  follower.carrier.last.welcome({ resumed: true });
  follower.carrier.last.caughtUp();
  await until(() => follower.carrier.last.of('send').length === 1);
  const [again] = follower.carrier.last.of('send');
  expect(again?.value).toEqual(first?.value);
  const value = { threadId: 't', sequence: 1n, ordinal: 1n, epoch: 1n, createTime: undefined, duplicate: true };
  const reply = { requestId: again!.requestId, result: { $case: 'send', value } } as const;
  follower.carrier.last.tell({ $case: 'reply', value: reply });
  expect((await sent).sequence).toBe(1n);
});

test('a tab whose connection is closed for good leaves the lead to the next, and does not take it again', async () => {
  const { leader, follower } = await pair();
  leader.carrier.last.welcome({ userId: 'mallory' });
  await until(() => follower.carrier.streams.length === 1);
  expect([leader.roles, follower.roles]).toEqual([
    ['leading', 'asleep'],
    ['following', 'leading'],
  ]);
  follower.tabs.sleep();
  leader.tabs.join(leader.client);
  const next = await openTab();
  await until(() => next.roles.at(-1) === 'leading');
  expect(leader.roles.length).toBe(2);
});

test('a channel that one was refused, or has no answer for, is asked for again when another wants it', async () => {
  const { leader, follower } = await pair();
  const { last } = leader.carrier;
  const refused = leader.client.subscribeChannel('c', { delivery: 'everything' });
  const heard = follower.client.subscribeChannel('c', { delivery: 'latest' });
  await until(() => last.of('subscribe').length === 2);
  const [first, second] = last.of('subscribe');
  // The node's last word is as wide as the first.
  expect(second?.value.deliveryClass).toBe(first?.value.deliveryClass);
  const error = { code: 5, message: 'CHANNEL_NOT_FOUND', details: [] };
  for (const { requestId } of [first!, second!]) {
    last.tell({ $case: 'reply', value: { requestId, result: { $case: 'error', value: error } } });
  }
  await expect(refused).rejects.toMatchObject({ code: 5 });
  await expect(heard).rejects.toMatchObject({ code: 5 });
  void follower.client.subscribeChannel('c', { delivery: 'latest' });
  await until(() => last.of('subscribe').length === 3);
  expect(last.of('subscribe')[2]?.value.deliveryClass).toBe(3);
});

test('after a planned move all channels are asked for where they were left, also those of following tabs alone', async () => {
  const { leader, follower } = await pair();
  const old = leader.carrier.last;
  void leader.client.subscribeChannel('both');
  old.tell(channelOf('both', 4));
  void follower.client.subscribeChannel('both');
  void follower.client.subscribeChannel('theirs');
  await until(() => old.of('subscribe').length === 2);
  const { requestId } = old.of('subscribe')[1]!;
  old.tell({ $case: 'reply', value: { requestId, result: undefined } }, channelOf('theirs', 7));
  const range = { channelId: 'theirs', epoch: 3n, fromNumber: 8n, toNumber: 9n };
  old.tell({ $case: 'commentBatch', value: CommentBatch.fromPartial(range) });
  old.goodbye({ reason: GOODBYE.draining, reconnect: true });
  await until(() => leader.carrier.streams.length === 3);
  const next = leader.carrier.last;
  next.welcome({ resumed: true });
  next.caughtUp();
  const said = next.of('subscribe').map(({ value }) => [value.target?.value, value.epoch, value.afterNumber]);
  expect(said).toEqual([
    ['both', 3n, 4n],
    ['theirs', 3n, 9n],
  ]);
  // On the new session they are had only once it tells them.
  next.tell(channelOf('both', 4));
  follower.client.unsubscribeChannel('both');
  void follower.client.subscribeChannel('both');
  void follower.client.watchPresence(['bob']);
  await until(() => next.of('watchPresence').length === 1);
  expect(next.of('subscribe').length).toBe(2);
});

test('what a following tab alone wants and is refused after a planned move, it asks for again itself until it has it', async () => {
  const { leader, follower } = await pair();
  const old = leader.carrier.last;
  void follower.client.subscribeChannel('theirs');
  await until(() => old.of('subscribe').length === 1);
  const reply = (at: number, stream: typeof old, error?: Pick<ParleyError, 'code' | 'message'>) => {
    const { requestId } = stream.of('subscribe')[at]!;
    stream.tell({
      $case: 'reply',
      value: { requestId, result: error && { $case: 'error', value: { ...error, details: [] } } },
    });
  };
  reply(0, old);
  old.tell(channelOf('theirs', 7));
  old.goodbye({ reason: GOODBYE.draining, reconnect: true });
  await until(() => leader.carrier.streams.length === 3);
  const next = leader.carrier.last;
  next.welcome({ resumed: true });
  next.caughtUp();
  expect(next.of('subscribe').length).toBe(1);
  reply(0, next, { code: 8, message: 'RATE_LIMITED' });
  await until(() => next.of('subscribe').length === 2);
  reply(1, next);
  const heard: bigint[] = [];
  follower.client.on('comments', ({ toNumber }) => heard.push(toNumber));
  next.tell(channelOf('theirs', 7));
  const batch = { channelId: 'theirs', epoch: 3n, fromNumber: 8n, toNumber: 9n };
  next.tell({ $case: 'commentBatch', value: CommentBatch.fromPartial(batch) });
  await until(() => heard.length === 1);
  expect(leader.client.connection.phase).toBe('live');
});
