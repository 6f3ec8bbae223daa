// What outlives a process, and a process that is stopped in its tracks.
import { describe, expect, test } from 'vitest';
import { settled } from '../../test/support/manual-runtime.ts';
import { ScriptedClient } from '../../test/support/scripted-client.ts';
import { ScriptedThread } from '../../test/support/scripted-thread.ts';
import type { ClientOptions, KeptState } from './client-options.ts';
import type { Draft } from './draft.ts';

/** A client that was told some messages, and what the next process gets of it. */
async function keptFrom(posted: readonly string[], alsoTold = 0): Promise<KeptState & { earlier: ScriptedClient }> {
  const earlier = new ScriptedClient();
  await earlier.live();
  earlier.carrier.last.tell(earlier.thread.post('bob', ...posted));
  for (let n = 0; n < alsoTold; n += 1) earlier.thread.post('bob', `not told ${n}`);
  if (alsoTold > 0) earlier.carrier.last.tell(earlier.thread.tell(posted.length + alsoTold, posted.length + alsoTold));
  const resume = { token: Buffer.from('token-1'), userEpoch: 1n, userSequence: 0n };
  return { resume, heads: earlier.client.heads(), earlier };
}

function next(kept: KeptState, options: Partial<ClientOptions> = {}): ScriptedClient {
  return new ScriptedClient({ resume: { load: async () => kept, save: async () => undefined }, ...options });
}

describe('threads that were kept', () => {
  test('go on after what was held: a resumed stream tells no head of them, and nothing is fetched', async () => {
    const kept = await keptFrom(['one', 'two']);
    const later = next(kept);
    later.thread = kept.earlier.thread;
    await later.client.start();
    expect(later.client.held('t')).toBe(2n);
    expect(later.client.unread('t')).toBe(2);
    await settled();
    expect(Buffer.from(later.carrier.last.hello.resumeToken).toString()).toBe('token-1');
    later.carrier.last.welcome({ resumed: true });
    later.carrier.last.caughtUp();
    later.carrier.last.tell(later.thread.post('bob', 'three'));
    await later.runtime.advance(5000);
    expect(later.heard).toEqual(['three']);
    expect(later.client.unread('t')).toBe(3);
    expect(later.carrier.calls).toEqual([]);
  });

  test('repeat in Hello what was acknowledged last, which may have been lost with the process', async () => {
    const later = next(await keptFrom(['one', 'two']));
    await later.client.start();
    await settled();
    expect(later.carrier.last.hello.positions).toEqual([{ threadId: 't', upToSequence: 2n }]);
  });

  test('in thousands are not acknowledged anew one by one: what the server lacks of one, it says', async () => {
    const heads = Array.from({ length: 1_000 }, (_, at) => {
      const thread = new ScriptedThread(`t${at}`);
      thread.post('bob', 'one', 'two');
      thread.delivered = 2;
      return thread.head();
    });
    const resume = { token: Buffer.from('token-1'), userEpoch: 1n, userSequence: 0n };
    const later = next({ resume, heads });
    await later.client.start();
    await settled();
    const { last } = later.carrier;
    expect(last.hello.positions.map(({ threadId }) => threadId)).toEqual(heads.slice(-256).map((one) => one.threadId));
    last.welcome({ resumed: true });
    const [lost] = heads;
    last.tell({ $case: 'headsChanged', value: { heads: [{ ...lost!, deliveredSequence: 1n }] } });
    last.caughtUp();
    await later.runtime.advance(5000);
    expect(last.of('ack').map(({ value }) => value.position)).toEqual([{ threadId: 't0', upToSequence: 2n }]);
  });

  test('with a hole have it filled', async () => {
    const kept = await keptFrom(['one'], 2);
    expect(kept.heads[0]).toMatchObject({ sequence: 3n, deliveredSequence: 1n });
    const later = next(kept);
    later.thread = kept.earlier.thread;
    await later.client.start();
    await settled();
    later.carrier.last.welcome({ resumed: true });
    later.carrier.last.caughtUp();
    await later.runtime.advance(5000);
    expect(later.heard).toEqual(['not told 0', 'not told 1']);
  });

  test('give their lines back, and newer knowledge of a line stays', async () => {
    const kept = await keptFrom(['one', 'two']);
    const lines = kept.earlier.client.items('t');
    const later = next(kept);
    later.thread = kept.earlier.thread;
    await later.client.start();
    await settled();
    later.carrier.last.welcome({ resumed: true });
    later.carrier.last.caughtUp();
    const [, two] = lines;
    const message = two?.kind === 'message' ? two.message : undefined;
    later.client.putKept('t', 1n, [{ kind: 'message', sequence: 2n, message: { ...message!, ordinal: 77n } }], 3n);
    later.client.putKept('t', 1n, lines, 2n);
    expect(later.client.items('t').map(({ sequence }) => sequence)).toEqual([1n, 2n]);
    expect(later.client.message('t', 2n)?.ordinal).toBe(77n);
  });

  test('of another life of the log are void, their lines too', async () => {
    const kept = await keptFrom(['one', 'two']);
    const later = next(kept);
    later.thread.epoch = 9n;
    await later.client.start();
    await settled();
    later.carrier.last.welcome({ resumed: false, userEpoch: 9n });
    later.carrier.last.tell(later.thread.heads());
    later.carrier.last.caughtUp();
    later.client.putKept('t', 1n, kept.earlier.client.items('t'), 2n);
    expect(later.client.items('t')).toEqual([]);
    expect(later.client.held('t')).toBe(0n);
  });

  test('are void when entries were left to history, for one may have erased a line; lines come back only as they are now', async () => {
    const scripted = new ScriptedClient({ skipped: 'history' });
    const { client, carrier, thread } = scripted;
    await scripted.live();
    carrier.last.tell(thread.post('bob', 'one', 'two'));
    const before = client.items('t');
    expect(before).toHaveLength(2);
    thread.post('bob', ...Array.from({ length: 70 }, () => 'not told'));
    carrier.last.tell(thread.skipped(3, 72));
    expect(client.items('t')).toEqual([]);
    client.putKept('t', 1n, before, 71n);
    expect(client.items('t')).toEqual([]);
    client.putKept('t', 1n, before, 72n);
    carrier.last.tell(thread.post('bob', 'told'), thread.skipped(3, 72));
    expect(client.items('t').map(({ sequence }) => sequence)).toEqual([1n, 2n, 73n]);
  });

  test('are folded as the user’s whom the options name, before a stream says whose it is', async () => {
    const later = next({ resume: undefined, heads: [] }, { userId: 'alice' });
    expect(later.client.userId).toBe('alice');
  });
});

describe('a suspended client', () => {
  test('drops its stream and opens none until it is started again; what was sent meanwhile goes out then', async () => {
    const scripted = new ScriptedClient();
    await scripted.live();
    scripted.client.suspend();
    expect(scripted.client.connection.phase).toBe('idle');
    expect(scripted.carrier.last.closedBy).toBe('abort');
    const sent = scripted.client.send('t', 'later');
    await scripted.runtime.advance(120_000);
    expect(scripted.carrier.streams.length).toBe(1);
    await scripted.client.start();
    await settled();
    expect(scripted.carrier.streams.length).toBe(2);
    expect(scripted.carrier.last.hello.handOver).toBe(false);
    expect(Buffer.from(scripted.carrier.last.hello.resumeToken).toString()).toBe('token-1');
    scripted.carrier.last.welcome({ resumed: true });
    scripted.carrier.last.caughtUp();
    scripted.accept(1);
    expect((await sent).sequence).toBe(1n);
  });

  test('has one stream only when it is started and suspended while a token is being fetched', async () => {
    let give: (token: string) => void = () => undefined;
    const scripted = new ScriptedClient({ getToken: () => new Promise((resolve) => (give = resolve)) });
    await scripted.client.start();
    scripted.client.suspend();
    give('jwt');
    await settled();
    expect(scripted.carrier.streams.length).toBe(0);
    await scripted.client.start();
    scripted.client.suspend();
    await scripted.client.start();
    await settled();
    expect(scripted.carrier.streams.filter(({ closedBy }) => closedBy === undefined).length).toBe(1);
    expect(scripted.client.connection.phase).toBe('connecting');
  });

  test('can be closed', async () => {
    const scripted = new ScriptedClient();
    await scripted.live();
    scripted.client.suspend();
    await scripted.client.close();
    await scripted.client.start();
    expect(scripted.client.connection.phase).toBe('closed');
  });
});

test('drafts that another process puts into the store are sent once they are read, each once', async () => {
  const drafts: Draft[] = [];
  const store = {
    load: async () => [...drafts],
    put: async (draft: Draft) => void drafts.push(draft),
    remove: async () => void drafts.shift(),
  };
  const scripted = new ScriptedClient({ drafts: store });
  await scripted.live();
  void scripted.client.send('t', 'mine');
  await settled();
  const [mine] = drafts;
  drafts.push({ ...mine!, clientMessageId: 'of another' });
  await scripted.client.readDrafts();
  await scripted.client.readDrafts();
  expect(scripted.client.drafts('t').map((draft) => draft.clientMessageId)).toEqual([
    mine!.clientMessageId,
    'of another',
  ]);
  scripted.accept(1);
  await settled();
  expect(scripted.carrier.last.of('send').map(({ value }) => value.clientMessageId)).toEqual([
    mine!.clientMessageId,
    'of another',
  ]);
});
