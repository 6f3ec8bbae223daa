// The SDK on a real platform, through Envoy: what it promises to an application when things break.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { ParleyClient } from '../../clients/core/client.ts';
import type { ClientOptions } from '../../clients/core/client-options.ts';
import { textOf } from '../../clients/core/fold.ts';
import { NodeCarrier } from '../../clients/node/carrier.ts';
import { FileDraftStore } from '../../clients/node/file-drafts.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { unlimited } from '../support/unlimited.ts';

const within = { timeout: 40_000, interval: 20 };

describe('a client of a real node', () => {
  let platform: Platform;
  const open = new Set<ParleyClient>();
  let people = 0;
  let alice: string;
  let bob: string;

  beforeAll(async () => {
    platform = await startPlatform({ env: { ...unlimited, PARLEY_DRAIN_S: '2' } });
  });
  beforeEach(() => {
    people += 1;
    alice = `alice-${people}`;
    bob = `bob-${people}`;
  });
  afterAll(async () => {
    for (const client of open) await client.close();
    await platform.stop();
  });

  async function client(user: string, options: Partial<ClientOptions> = {}): Promise<ParleyClient> {
    const made = new ParleyClient({
      carrier: new NodeCarrier({ target: platform.gateway }),
      getToken: () => platform.token(user),
      deviceId: 'phone',
      ...options,
    });
    open.add(made);
    await made.start();
    return made;
  }

  /** Texts that a client is told, in its order. */
  function texts(of: ParleyClient): string[] {
    const heard: string[] = [];
    of.on('entry', ({ entry }) => {
      if (entry.kind?.$case === 'message') heard.push(textOf(entry.kind.value.content) ?? '');
    });
    return heard;
  }

  const lines = (count: number): string[] => Array.from({ length: count }, (_, index) => `line ${index + 1}`);

  test('hears all it missed, in order, also more than a stream brings, and its author sees it delivered', async () => {
    const author = await client(alice);
    const { threadId } = await author.threads.open(bob);
    await author.subscribe(threadId);
    // Receipts are for those who have both written.
    const earlier = await client(bob);
    await earlier.send(threadId, 'hello');
    await earlier.close();
    let last = 0n;
    for (const text of lines(300)) ({ sequence: last } = await author.send(threadId, text));
    const reader = new ParleyClient({
      carrier: new NodeCarrier({ target: platform.gateway }),
      getToken: () => platform.token(bob),
      deviceId: 'phone',
    });
    open.add(reader);
    const heard = texts(reader);
    await reader.start();
    await vi.waitFor(() => expect(heard).toEqual(lines(300)), within);
    await vi.waitFor(() => expect(author.ticks(threadId, last).state).toBe('delivered'), within);
    reader.markRead(threadId);
    await vi.waitFor(() => expect(author.ticks(threadId, last).state).toBe('read'), within);
  });

  test('sends each message once and in order while the node is killed under it', async () => {
    const author = await client(alice);
    const reader = await client(bob);
    const heard = texts(reader);
    const { threadId } = await author.threads.open(bob);
    const sent = lines(200).map((text) => author.send(threadId, text));
    await vi.waitFor(() => expect(heard.length).toBeGreaterThan(20), within);
    await platform.nodes[0]?.kill('SIGKILL');
    await platform.nodes[0]?.start();
    for (const each of [author, reader]) each.setForeground(true);
    const results = await Promise.all(sent);
    const sequences = results.map((result) => Number(result.sequence));
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
    expect(new Set(sequences).size).toBe(200);
    await vi.waitFor(() => expect(heard).toEqual(lines(200)), within);
  });

  test('does not lose a stream or a message when the node is restarted as planned', async () => {
    const author = await client(alice);
    const reader = await client(bob);
    const heard = texts(reader);
    const { threadId } = await author.threads.open(bob);
    const sent = lines(50).map((text) => author.send(threadId, text));
    await vi.waitFor(() => expect(heard.length).toBeGreaterThan(5), within);
    await platform.nodes[0]?.kill('SIGTERM');
    await platform.nodes[0]?.start();
    for (const each of [author, reader]) each.setForeground(true);
    await Promise.all(sent);
    await vi.waitFor(() => expect(heard).toEqual(lines(50)), within);
  });

  test('sends after a restart of its process what it could not send before', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'parley-drafts-'));
    const file = path.join(folder, 'drafts');
    const reader = await client(bob);
    const heard = texts(reader);
    const before = new FileDraftStore(file);
    const author = await client(alice, { drafts: before });
    const { threadId } = await author.threads.open(bob);
    await platform.nodes[0]?.kill('SIGKILL');
    const lost = author.send(threadId, 'written before the restart').catch((error: { reason: string }) => error.reason);
    await vi.waitFor(async () => expect(author.drafts(threadId)).toHaveLength(1));
    await author.close();
    await before.close();
    await expect(lost).resolves.toBe('CLIENT_CLOSED');
    await platform.nodes[0]?.start();

    const after = new FileDraftStore(file);
    const again = await client(alice, { drafts: after });
    reader.setForeground(true);
    await vi.waitFor(() => expect(heard).toEqual(['written before the restart']), within);
    await vi.waitFor(() => expect(again.draftCount).toBe(0), within);
    await again.close();
    await after.close();
    const third = new FileDraftStore(file);
    expect(await third.load()).toEqual([]);
    await third.close();
    await rm(folder, { recursive: true });
  });

  test('stays on its stream past the end of its token, with a new one', async () => {
    let fetched = 0;
    const short = await client(alice, {
      getToken: () => {
        fetched += 1;
        return platform.token(alice, { ttlS: 3 });
      },
    });
    await short.ready();
    const first = short.connection;
    await vi.waitFor(() => expect(fetched).toBeGreaterThan(3), within);
    expect(short.connection).toEqual(first);
    const { threadId } = await short.threads.open(bob);
    await short.send(threadId, 'still here');
    expect(short.connection).toEqual(first);
  });

  test('is told when another process took its device, and does not fight for it', async () => {
    const first = await client(alice);
    await first.ready();
    const second = await client(alice);
    await second.ready();
    await vi.waitFor(() => expect(first.connection).toMatchObject({ phase: 'closed', reason: 'superseded' }), within);
    await expect(first.ready()).rejects.toMatchObject({ code: 10 });
    expect(second.connection.phase).toBe('live');
  });

  test('hears a group from its join to its removal, and nothing of what was before or after', async () => {
    const owner = await client(alice);
    const member = await client(bob);
    const heard = texts(member);
    const { threadId } = await owner.groups.create({ name: 'tea' });
    await owner.send(threadId, 'before');
    await owner.groups.add(threadId, [bob]);
    await owner.send(threadId, 'while');
    await vi.waitFor(() => expect(heard).toEqual(['while']), within);
    const removal = await owner.groups.remove(threadId, bob);
    await owner.send(threadId, 'after');
    await vi.waitFor(() => expect(member.held(threadId)).toBe(removal), within);
    await member.send(threadId, 'not mine any more').catch((error: { reason: string }) => heard.push(error.reason));
    expect(heard).toEqual(['while', 'THREAD_NOT_FOUND']);
  });

  test('says what was wrong, in the catalogue’s words', async () => {
    const author = await client(alice);
    const { threadId } = await author.threads.open(bob);
    await expect(author.send('g_nowhere', 'x')).rejects.toMatchObject({ reason: 'THREAD_NOT_FOUND', code: 5 });
    await expect(author.send(threadId, 'x'.repeat(65_537))).rejects.toMatchObject({ reason: 'TOO_LARGE', code: 3 });
    await expect(author.send(threadId, 'x', { expectedSequence: 99n })).rejects.toMatchObject({
      reason: 'SEQUENCE_MISMATCH',
    });
    const { sequence } = await author.send(threadId, 'first', { clientMessageId: 'same' });
    await expect(author.send(threadId, 'first', { clientMessageId: 'same', knownHead: 1n })).resolves.toMatchObject({
      sequence,
      duplicate: true,
    });
    await expect(author.send(threadId, 'other', { clientMessageId: 'same', knownHead: 1n })).rejects.toMatchObject({
      reason: 'ID_REUSED',
    });
    await expect(author.groups.create({ name: '' })).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      fields: [{ field: 'name' }],
    });
  });
});
