import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Ids, callerOf, groupOf, post } from '../../test/support/chat-node.ts';
import { type DeliveryNode, type Device, openDeliveryNode, turns } from '../../test/support/delivery-node.ts';
import type { Entry } from '../core/entry.ts';
import { threadLog, type ThreadId, type UserId } from '../core/ids.ts';
import type { Store } from '../store/store.ts';

const users = ['bob', 'carol', 'dave'];

type Step =
  | {
      readonly kind: 'post' | 'add' | 'remove' | 'open' | 'break' | 'hand-over' | 'ack' | 'freeze' | 'thaw';
      readonly user: string;
    }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'settle' };

const ofUser = fc.record({
  kind: fc.constantFrom(
    'post',
    'post',
    'post',
    'add',
    'remove',
    'open',
    'break',
    'hand-over',
    'ack',
    'ack',
    'freeze',
    'thaw',
  ),
  user: fc.constantFrom(...users),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: ofUser as fc.Arbitrary<Step> },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 400 }) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'settle' }) },
);

const reads = new Set([
  'inbox',
  'heads',
  'head',
  'entries',
  'devicePositions',
  'positionsOf',
  'row',
  'rows',
  'inboxRow',
]);

/** Reads take some turns of the event loop, now more, now less: so that much happens amid them. */
class SlowReads {
  #count = 0;
  #underWay = 0;

  readonly behind = (store: Store): Store =>
    new Proxy(store, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        const call = value.bind(target) as (...given: unknown[]) => unknown;
        return reads.has(String(name)) ? (...given: unknown[]) => this.#read(() => call(...given)) : call;
      },
    });

  async #read(read: () => unknown): Promise<unknown> {
    this.#underWay += 1;
    this.#count += 1;
    const [before, after] = [(this.#count * 7) % 5, (this.#count * 3) % 4];
    try {
      await turns(before);
      const answer = await read();
      await turns(after);
      return answer;
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Resolves once nothing is read and nothing begins to be, however long a busy machine's disk takes. */
  async rest(): Promise<void> {
    for (let quiet = 0; quiet < 20; quiet += 1) {
      await turns(1);
      if (this.#underWay > 0) quiet = 0;
    }
  }
}

/** A client of the contract: what it was told, over all its streams, and what it knows that it has to fetch. */
class Client {
  readonly #threadId: ThreadId;
  readonly streams: Device[] = [];
  token: Uint8Array = Buffer.alloc(0);

  constructor(threadId: ThreadId) {
    this.#threadId = threadId;
  }

  get newest(): Device | undefined {
    return this.streams.findLast((stream) => stream.session !== undefined && stream.ended === undefined);
  }

  /** Takes tokens as they come; acknowledges on the newest stream what was told last. */
  async acknowledge(): Promise<void> {
    const stream = this.newest;
    if (stream === undefined || stream.session.phase === 'ended') return;
    this.token = stream.all('caughtUp').at(-1)?.resumeToken ?? this.token;
    const last = toldOf(stream, this.#threadId).at(-1);
    if (last !== undefined) await stream.session.acknowledge(this.#threadId, last.to);
  }

  /** Sequences that it holds or knows to be there. */
  known(): Set<bigint> {
    const known = new Set<bigint>();
    for (const stream of this.streams) {
      for (const { from, to } of toldOf(stream, this.#threadId)) for (let s = from; s <= to; s += 1n) known.add(s);
      // A head above what is held is as good as a Skipped, once caught up.
      if (stream.all('caughtUp').length === 0) continue;
      for (const { threadId, sequence } of stream.all('headsChanged').flatMap(({ heads }) => heads)) {
        if (threadId === this.#threadId) for (let s = 1n; s <= sequence; s += 1n) known.add(s);
      }
    }
    return known;
  }
}

function toldOf(stream: Device, threadId: ThreadId): { from: bigint; to: bigint; isSkip: boolean }[] {
  return stream.log(threadId).map((text) => {
    const [from = '', to = from] = text.split('-');
    return { from: BigInt(from), to: BigInt(to), isSkip: text.includes('-') };
  });
}

/** Sequences that a user may hear: of each of their memberships, from the join up to the removal. */
function audibleTo(user: string, log: readonly Entry[]): { heard: Set<bigint>; join: bigint | undefined } {
  const heard = new Set<bigint>();
  let join: bigint | undefined;
  for (const { sequence, change } of log) {
    if (change.kind === 'thread-created' && change.members.some(({ userId }) => userId === user)) join = sequence;
    if (change.kind === 'member-added' && change.userId === user) join = sequence;
    if (join !== undefined) heard.add(sequence);
    if (change.kind === 'member-removed' && change.userId === user) join = undefined;
  }
  return { heard, join };
}

async function play(node: DeliveryNode, slow: SlowReads, steps: readonly Step[]): Promise<void> {
  const ids = new Ids();
  const threadId = await groupOf(node, ids, 'alice', users);
  const clients = new Map(users.map((user) => [user, new Client(threadId)]));
  const under: Promise<unknown>[] = [];
  // What is refused changes nothing: a step may come at a bad time.
  const begin = (work: Promise<unknown>): void => void under.push(work.catch(() => undefined));
  const act = (one: Exclude<Step, { kind: 'time' | 'settle' }>): void => {
    const client = clients.get(one.user) as Client;
    const user = one.user as UserId;
    switch (one.kind) {
      case 'post':
        return begin(post(node, ids, 'alice', threadId, `for ${one.user}`));
      case 'add':
        return begin(node.chat.groups.add(callerOf('alice'), threadId, ids.next(), [user]));
      case 'remove':
        return begin(node.chat.groups.remove(callerOf('alice'), threadId, ids.next(), user));
      case 'open':
      case 'hand-over': {
        const stream = node.open(user, 'd1', { resumeToken: client.token, handOver: one.kind === 'hand-over' });
        client.streams.push(stream);
        return begin(stream.opened);
      }
      case 'ack':
        return begin(client.acknowledge());
      case 'break':
        if (client.newest?.session !== undefined) client.newest.break();
        return;
      case 'freeze':
        return client.newest?.freeze();
      case 'thaw':
        return client.newest?.session === undefined ? undefined : client.newest.thaw();
    }
  };
  for (const one of steps) {
    if (one.kind === 'time') await node.clock.turnSlowly(one.ms, 50);
    else if (one.kind === 'settle') await Promise.all(under);
    else act(one);
    if (one.kind === 'open' || one.kind === 'post') await turns(2);
  }
  await Promise.all(under);
  for (const client of clients.values())
    for (const stream of client.streams) if (stream.session !== undefined) stream.thaw();

  const rest = async (): Promise<Entry[]> => {
    for (let n = 0; n < 5; n += 1) {
      await node.clock.turnSlowly(200, 50);
      for (const client of clients.values()) await client.acknowledge();
      await slow.rest();
    }
    const head = await node.store.head(threadLog(threadId));
    return node.store.entries(threadLog(threadId), { after: 0n, upTo: head?.sequence ?? 0n, limit: 1_000 });
  };

  // Streams that are live are up to date without anything more to happen.
  const settled = await rest();
  for (const [user, client] of clients) {
    const stream = client.newest;
    const { join } = audibleTo(user, settled);
    if (stream?.session.phase !== 'live' || join === undefined) continue;
    const lacking = settled.filter(({ sequence }) => sequence >= join && !client.known().has(sequence));
    expect(
      lacking.map(({ sequence }) => sequence),
      `${user} is up to date`,
    ).toEqual([]);
  }

  // In the end each comes back, and is told what it lacks.
  await node.clock.turnSlowly(3_000, 100);
  for (const [user, client] of clients) client.streams.push(await node.live(user, 'd1', { resumeToken: client.token }));
  await post(node, ids, 'alice', threadId, 'the last');
  const log = await rest();
  for (const [user, client] of clients) {
    const { heard, join } = audibleTo(user, log);
    for (const stream of client.streams) {
      let last = 0n;
      for (const { from, to, isSkip } of toldOf(stream, threadId)) {
        expect(from, `${user} is told in order, each once`).toBeGreaterThan(last);
        if (!isSkip) expect(heard, `${user} hears only what they may`).toContain(from);
        last = to;
      }
    }
    const known = client.known();
    const missed = [...heard].filter((sequence) => join !== undefined && sequence >= join && !known.has(sequence));
    expect(missed, `${user} knows of all since they came in`).toEqual([]);
  }
}

it('in whatever order members come and go, streams break and open, and acks come, each hears what they may, once, and knows of all of it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const slow = new SlowReads();
      const node = await openDeliveryNode({ session: { windowEntries: 8 }, storeBehind: slow.behind });
      try {
        await play(node, slow, steps);
      } finally {
        await node[Symbol.asyncDispose]();
      }
    }),
    { numRuns: 150 },
  );
}, 60_000);
