// A client built from the proto less one kind of entry, and less one kind of frame, keeps working: it is the SDK, fed with
// what its older stubs would have understood.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Carrier, StreamListener } from '../../clients/core/carrier.ts';
import { ParleyClient } from '../../clients/core/client.ts';
import { NodeCarrier } from '../../clients/node/carrier.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { ListEntriesResponse } from '#proto/parley/v1/history_service.ts';
import { MessageServiceService, ReactRequest } from '#proto/parley/v1/message_service.ts';
import { OpenResponse } from '#proto/parley/v1/stream_service.ts';
import { People, type Person, clientId, directThread, post } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';
import { OlderSchema } from './older-schema.ts';

const older = new OlderSchema({
  Entry: ['reaction_changed'],
  ServerFrame: ['typing_changed', 'heartbeat_reply'],
});

/** What a client with the older stubs would be told. */
class OlderCarrier implements Carrier {
  readonly name = 'older';
  readonly version = '0.1';
  readonly #inner: NodeCarrier;

  constructor(inner: NodeCarrier) {
    this.#inner = inner;
  }

  open(...[hello, token, listener]: Parameters<Carrier['open']>): ReturnType<Carrier['open']> {
    const ears: StreamListener = {
      frames: (frames, bytes) => {
        const understood = older.read('OpenResponse', OpenResponse.encode({ frames: [...frames] }).finish());
        listener.frames(OpenResponse.decode(understood).frames, bytes);
      },
      ended: (error) => listener.ended(error),
    };
    return this.#inner.open(hello, token, ears);
  }

  call: Carrier['call'] = async (path, request, options) => {
    const response = await this.#inner.call(path, request, options);
    if (path !== '/parley.v1.HistoryService/ListEntries') return response;
    const bytes = ListEntriesResponse.encode(response as unknown as ListEntriesResponse).finish();
    return ListEntriesResponse.decode(older.read('ListEntriesResponse', bytes)) as unknown as typeof response;
  };

  close(): void {
    this.#inner.close();
  }
}

let platform: Platform;
let people: People;
let alice: Person;
let bob: Person;
let threadId: string;

beforeAll(async () => {
  platform = await startPlatform({ env: unlimited });
  people = new People(platform);
  alice = await people.person('alice');
  bob = await people.person('bob');
  threadId = await directThread(alice, bob);
});
afterAll(async () => {
  people[Symbol.dispose]();
  await platform.stop();
});

function olderClient(): ParleyClient {
  return new ParleyClient({
    carrier: new OlderCarrier(new NodeCarrier({ target: platform.gateway })),
    getToken: async () => platform.token(alice.id),
    deviceId: 'older',
  });
}

async function react(targetSequence: bigint, emoji: string): Promise<bigint> {
  const request = ReactRequest.create({ threadId, clientMessageId: clientId(), targetSequence, emoji });
  return (await bob.client.ask(MessageServiceService.react, request)).sequence;
}

async function holds(client: ParleyClient, sequence: bigint): Promise<void> {
  if (client.held(threadId) >= sequence) return;
  await new Promise<void>((resolve) => {
    const off = client.on('entry', ({ entry }) => {
      if (entry.sequence < sequence) return;
      off();
      resolve();
    });
  });
}

test('an entry of a kind it does not know keeps its place: what follows is told, acknowledged, and sent after it', async () => {
  await using client = olderClient();
  const sequences: bigint[] = [];
  const kinds = new Map<bigint, string | undefined>();
  client.on('entry', ({ entry }) => {
    sequences.push(entry.sequence);
    kinds.set(entry.sequence, entry.kind?.$case);
  });
  await client.start();
  await client.ready();

  const first = await post(bob, threadId, 'first');
  const reaction = await react(first, '👍');
  const second = await post(bob, threadId, 'second');
  await holds(client, second);
  const { sequence: own } = await client.send(threadId, 'third');
  const last = await post(bob, threadId, 'last');
  await holds(client, last);

  expect([kinds.get(first), kinds.get(reaction), kinds.get(second)]).toEqual(['message', undefined, 'message']);
  expect(own).toBe(second + 1n);
  expect(sequences).toEqual(sequences.map((_, index) => (sequences[0] ?? 0n) + BigInt(index)));
  const items = client.items(threadId).filter((item) => item.sequence >= first);
  expect(items.map((item) => [item.sequence, item.kind])).toEqual([
    [first, 'message'],
    [reaction, 'unknown'],
    [second, 'message'],
    [own, 'message'],
    [last, 'message'],
  ]);
});

test('it catches up over entries it does not know, on the stream and by ListEntries', async () => {
  // More than is backfilled, so that the older ones have to be fetched.
  for (const text of ['one', 'two']) {
    const target = await post(bob, threadId, text);
    for (let n = 0; n < 40; n++) await react(target, `e${n}`);
  }
  const last = await post(bob, threadId, 'the end');
  await using client = olderClient();
  const sequences: bigint[] = [];
  client.on('entry', ({ entry }) => sequences.push(entry.sequence));
  await client.start();
  await client.ready();
  await holds(client, last);
  expect(new Set(sequences).size).toBe(sequences.length);
  expect(sequences.at(-1)).toBe(last);
});
