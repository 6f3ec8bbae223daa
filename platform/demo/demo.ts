// What there is for somebody who comes to a fresh Parley: a group with a day of a real channel, and a live post on which
// somebody always says something. Made over the port of other services, as any service would.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials } from '@grpc/grpc-js';
import { ChannelAdminServiceService as channelAdmin } from '#proto/parley/service/v1/channel_admin_service.ts';
import { ThreadAdminServiceService as threadAdmin } from '#proto/parley/service/v1/thread_admin_service.ts';
import { ChannelServiceService as channels } from '#proto/parley/v1/channel_service.ts';
import { ThreadServiceService as threads } from '#proto/parley/v1/thread_service.ts';
import { type Unary, unary } from '../unary.ts';
import { type DemoLine, demoLines } from './lines.ts';

export interface Demo extends Disposable {
  /** What a page shows first. */
  readonly channelId: string;
  /** Settles when the group is there. */
  readonly threadId: Promise<string>;
  /** Brings a user in: a member of the group, a moderator of the live post. Resolves when they can open both. */
  welcome(userId: string): Promise<{ readonly threadId: string; readonly channelId: string }>;
}

export interface DemoOptions {
  /** host:port for other services. */
  readonly services: string;
  /** host:port of the same node for clients. */
  readonly node: string;
  /** A token of the service `demo`. */
  serviceToken(): Promise<string>;
  userToken(user: string): Promise<string>;
}

const owner = 'ubottu';
const channelId = 'demo:release-day';
/** Comments that are there at once. */
const headStart = 30;
/** Between comments while somebody looks; and how often it is asked whether somebody does. */
const paceMs = { from: 900, to: 4_500 };
const lookMs = 2_000;
/** Messages of the group under way at once while it is made. */
const atOnce = 16;

/** Begins at once and goes on behind the caller's back; what fails is tried again when somebody comes. */
export function startDemo(options: DemoOptions): Demo {
  const stop = new AbortController();
  const calls = new DemoCalls(options);
  let making: Promise<string> | undefined;
  const made = (): Promise<string> => {
    making ??= makeGroup(calls).catch((error: unknown) => {
      making = undefined;
      throw error;
    });
    return making;
  };
  const threadId = made();
  threadId.catch(() => {});
  feed(calls, stop.signal).catch(() => {});
  return {
    channelId,
    threadId,
    async welcome(userId) {
      const group = await made();
      const requestId = `welcome-${createHash('sha256').update(`${group} ${userId}`).digest('hex').slice(0, 32)}`;
      await Promise.all([
        calls.asService(threadAdmin.addMembers, { threadId: group, requestId, userIds: [userId] }),
        calls.asService(channelAdmin.setModerator, { requestId, channelId, userId, moderator: true }),
      ]);
      return { threadId: group, channelId };
    },
    [Symbol.dispose]() {
      stop.abort();
      calls[Symbol.dispose]();
    },
  };
}

/** Every step may be made again: ids are the same each time. */
async function makeGroup(calls: DemoCalls): Promise<string> {
  const lines = await demoLines('group');
  // Other lines are another group: a request that is made again must be the same.
  const version = createHash('sha256').update(JSON.stringify(lines)).digest('hex').slice(0, 12);
  const nicks = [...new Set(lines.map(({ nick }) => nick))].filter((nick) => nick !== owner);
  const { threadId } = await calls.asService(threadAdmin.createGroup, {
    requestId: `demo-${version}`,
    ownerId: owner,
    name: '#ubuntu · a day in 2005',
    memberIds: nicks,
    historyForNewMembers: true,
  });
  const { thread } = await calls.asUser(threads.getThread, { threadId });
  if ((thread?.head?.ordinal ?? 0n) < BigInt(lines.length)) await say(calls, threadId, lines);
  return threadId;
}

/** Some at once: they share a commit. Over one connection they keep their order, and what answers another waits for it. */
async function say(calls: DemoCalls, threadId: string, lines: readonly DemoLine[]): Promise<void> {
  const said: Promise<bigint>[] = [];
  const sayOne = async ({ nick, text, to, answers }: DemoLine, index: number): Promise<bigint> => {
    const { sequence } = await calls.asService(threadAdmin.sendMessage, {
      threadId,
      clientMessageId: `demo-${index}`,
      sender: { $case: 'userId', value: nick },
      replyTo: answers === undefined ? 0n : ((await said[answers]) ?? 0n),
      mentionIds: to === undefined ? [] : [to],
      attachments: [],
      content: { body: { $case: 'text', value: text }, contentType: '' },
    });
    return sequence;
  };
  for (const [index, line] of lines.entries()) {
    const answered = line.answers === undefined ? undefined : said[line.answers];
    await (answered ?? said[index - atOnce]);
    const saying = sayOne(line, index);
    // Whoever waits for it hears of a failure.
    saying.catch(() => {});
    said.push(saying);
  }
  await Promise.all(said);
}

/** Comments as long as somebody listens. */
async function feed(calls: DemoCalls, signal: AbortSignal): Promise<void> {
  const lines = await demoLines('comments');
  await calls
    .asService(channelAdmin.createChannel, {
      requestId: 'demo-1',
      channelId,
      historyCount: 500,
      historySeconds: undefined,
      slowModeSeconds: 0,
    })
    .catch(() => {});
  const numbers = new Map<string, bigint>();
  let next = 0;
  const comment = async (): Promise<void> => {
    const { nick, text, to } = lines[next++ % lines.length] as DemoLine;
    const replyTo = to === undefined ? 0n : (numbers.get(to) ?? 0n);
    const clientMessageId = `demo-${Date.now().toString(36)}-${next}`;
    const answer = await calls.asService(channelAdmin.publishComment, {
      channelId,
      clientMessageId,
      sender: { $case: 'userId', value: nick },
      text,
      replyTo,
      mentionIds: to === undefined ? [] : [to],
    });
    numbers.set(nick, answer.number);
  };
  const look = async () => (await calls.asUser(channels.describeChannel, { channelId })).channel;
  const { publishedCount = 0n } = (await look()) ?? {};
  for (let have = Number(publishedCount); have < headStart; have++) await comment();
  while (!signal.aborted) {
    const listening = await look().then(
      (it) => (it?.listenerCount ?? 0n) > 0n,
      () => false,
    );
    if (listening) await comment().catch(() => {});
    await sleep(listening ? paceMs.from + Math.random() * (paceMs.to - paceMs.from) : lookMs, undefined, { signal });
  }
}

class DemoCalls implements Disposable {
  readonly #options: DemoOptions;
  readonly #services: Client;
  readonly #node: Client;

  constructor(options: DemoOptions) {
    this.#options = options;
    this.#services = new Client(options.services, credentials.createInsecure());
    this.#node = new Client(options.node, credentials.createInsecure());
  }

  async asService<Q, A>(method: Unary<Q, A>, request: Q): Promise<A> {
    return unary(this.#services, method, request, await this.#options.serviceToken());
  }

  async asUser<Q, A>(method: Unary<Q, A>, request: Q): Promise<A> {
    return unary(this.#node, method, request, await this.#options.userToken(owner));
  }

  [Symbol.dispose](): void {
    this.#services.close();
    this.#node.close();
  }
}
