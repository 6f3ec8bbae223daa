// What nodes ask of one another: over mutual TLS, by the addresses in Redis.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ChannelCredentials, Client, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NodeServiceService } from '#proto/parley/internal/v1/node_service.ts';
import type { SubmitRequest } from '#proto/parley/v1/stream_service.ts';
import { MemoryBus } from '../../server/bus/memory.ts';
import { systemClock } from '../../server/core/clock.ts';
import { Refusal } from '../../server/core/errors.ts';
import { type DeviceId, noDevice, type SessionId, type UserId } from '../../server/core/ids.ts';
import { RedisRegistry } from '../../server/presence/redis.ts';
import type { Shards } from '../../server/redis/shards.ts';
import { NodeClient } from '../../server/rpc/internal/node-client.ts';
import { NodeServer } from '../../server/rpc/internal/node-server.ts';
import type { Submitter } from '../../server/rpc/submits.ts';
import type { RoutedSend } from '../../server/chat/send-router.ts';
import { makeTakeSends } from '../../server/rpc/internal/routed-sends.ts';
import type { NodeTls } from '../../server/rpc/internal/node-tls.ts';
import { DirectoryPeers } from '../../server/rpc/internal/send-peers.ts';
import { until } from '../../platform/wait.ts';
import { writeCertificate } from '../gateway/support/certificate.ts';
import { groupOf, Ids } from '../support/chat-node.ts';
import { type DeliveryNode, openDeliveryNode } from '../support/delivery-node.ts';
import { forgetfulStore } from '../support/forgetful-store.ts';
import { newPrefix, oneRedis, shardsOn, type TestRedis } from '../support/redis.ts';
import { needs } from '../support/skip.ts';

const leaseMs = 1_500;
const bob = 'bob' as UserId;

needs('redis', 'openssl')('between nodes', () => {
  let folder: string;
  let tls: NodeTls;
  let redis: TestRedis;
  let node: DeliveryNode;
  let nodeShards: Shards;
  let nodeRegistry: RedisRegistry;
  let asking: RedisRegistry;
  let server: NodeServer;
  let address: string;
  let client: NodeClient;
  const submitted: [Submitter, SubmitRequest][] = [];

  const certificate = (name: string): NodeTls => {
    const files = writeCertificate(folder, name, name);
    const [cert, key] = [readFileSync(files.cert, 'utf8'), readFileSync(files.key, 'utf8')];
    return { ca: cert, cert, key, serverName: 'localhost' };
  };

  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'parley-node-rpc-'));
    tls = certificate('nodes');
    redis = await oneRedis();
    node = await openDeliveryNode();
    server = new NodeServer({
      clock: systemClock,
      tls,
      sessions: node.sessions,
      observe: () => undefined,
      report: (cause) => String(cause),
      takeSends: makeTakeSends(node.chat.sendMessage, String),
      takeSubmit(from, submit) {
        submitted.push([from, submit]);
        if (submit.number === 1n) return Promise.resolve({ nextNumber: 2n });
        const fields = [{ field: 'number', description: 'must be 1' }];
        return Promise.reject(new Refusal('RATE_LIMITED', 'not so fast', { fields, retryAfterMs: 1_500 }));
      },
    });
    address = await server.listen('127.0.0.1:0');
    const prefix = newPrefix();
    const registryOf = (shards: Shards, nodeId: string, at: string): RedisRegistry => {
      const options = { clock: systemClock, bus: new MemoryBus(), store: forgetfulStore, leaseMs, settleMs: 0 };
      return new RedisRegistry({ ...options, shards, nodeId, address: at, prefix });
    };
    nodeShards = await shardsOn(redis);
    // As sessions of the node are called.
    nodeRegistry = registryOf(nodeShards, 'n', address);
    asking = registryOf(await shardsOn(redis), 'other', '');
    await Promise.all([nodeRegistry.settled(), asking.settled()]);
    client = new NodeClient({ clock: systemClock, tls, directory: asking });
  });

  afterAll(async () => {
    client[Symbol.dispose]();
    server.stop();
    for (const one of [nodeRegistry, asking, node, redis]) await one[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  const refusal = (work: Promise<unknown>): Promise<Refusal> =>
    work.then(
      () => Promise.reject(new Error('it was not refused')),
      (error: Refusal) => error,
    );
  const submit = (number: bigint, sessionId = 'n.session'): SubmitRequest => ({ sessionId, number, frames: [] });

  test('a node ends a session of another one, once, and of nobody else', async () => {
    const device = await node.live('bob');
    const { sessionId } = device.session.identity;
    expect(await client.endSession('eve' as UserId, sessionId, 'signed-out')).toBe(false);
    expect(device.ended).toBeUndefined();
    expect(await client.endSession(bob, sessionId, 'signed-out')).toBe(true);
    expect(device.ended?.goodbye.reason).toBe('signed-out');
    expect(await client.endSession(bob, sessionId, 'signed-out')).toBe(false);
  });

  test('a Submit is handed on as it came, with who sent it, and the answer comes back', async () => {
    const from = { userId: bob, deviceId: 'phone' as DeviceId };
    expect(await client.submit(from, submit(1n))).toEqual({ nextNumber: 2n });
    expect(submitted.at(-1)).toEqual([from, submit(1n)]);
    await client.submit({ userId: bob, deviceId: noDevice }, submit(1n));
    expect(submitted.at(-1)?.[0].deviceId).toBe(noDevice);
  });

  test('a refusal of the other node comes back as it was', async () => {
    const { reason, message, fields, retryAfterMs } = await refusal(
      client.submit({ userId: bob, deviceId: noDevice }, submit(2n)),
    );
    expect({ reason, message, fields, retryAfterMs }).toEqual({
      reason: 'RATE_LIMITED',
      message: 'not so fast',
      fields: [{ field: 'number', description: 'must be 1' }],
      retryAfterMs: 1_500,
    });
  });

  test('who has no certificate of the nodes, or one of another authority, is not let in', async () => {
    const stranger = certificate('stranger');
    const ca = Buffer.from(tls.ca);
    const asStranger = ChannelCredentials.createSsl(ca, Buffer.from(stranger.key), Buffer.from(stranger.cert));
    const before = submitted.length;
    for (const credentials of [ChannelCredentials.createInsecure(), ChannelCredentials.createSsl(ca), asStranger]) {
      const raw = new Client(address, credentials, { 'grpc.ssl_target_name_override': 'localhost' });
      const { path: method, requestSerialize, responseDeserialize } = NodeServiceService.submit;
      const request = { userId: bob, deviceId: '', submit: submit(1n) };
      const deadline = Date.now() + 2_000;
      const code = await new Promise((resolve) => {
        raw.makeUnaryRequest(method, requestSerialize, responseDeserialize, request, { deadline }, (error) =>
          resolve((error as ServiceError | null)?.code),
        );
      });
      // UNAVAILABLE, or DEADLINE_EXCEEDED while it tries again.
      expect([14, 4]).toContain(code);
      raw.close();
    }
    expect(submitted).toHaveLength(before);
  });

  test('a node does not take another that it asks by its certificate alone: the name must be that of nodes', async () => {
    using misled = new NodeClient({ clock: systemClock, tls: { ...tls, serverName: 'elsewhere' }, directory: asking });
    const { reason } = await refusal(misled.submit({ userId: bob, deviceId: noDevice }, submit(1n)));
    expect(reason).toBe('STORE_UNAVAILABLE');
  });

  test('messages are appended by another node in their order, refusals come back one by one, and a node that leaves takes none', async () => {
    const thread = await groupOf(node, new Ids(), 'bob');
    const peers = new DirectoryPeers(systemClock, asking, client);
    const living = await until(() => peers.living(), { what: 'the living nodes to be read', withinMs: 10_000 });
    expect(living).toContain('n');
    const send = (userId: string, clientMessageId: string, expectedSequence?: bigint): RoutedSend => ({
      userId: userId as UserId,
      deviceId: noDevice,
      sessionId: undefined,
      draft: {
        threadId: thread,
        clientMessageId,
        knownHead: 1n,
        expectedSequence,
        replyTo: 0n,
        body: { content: { text: 'x'.repeat(60_000) }, mentions: [bob], attachments: [] },
      },
    });
    const results = await peers.send('n', [
      ...Array.from({ length: 8 }, (_, n) => send('bob', `m${n}`)),
      send('eve', 'in'),
      send('bob', 'm0'),
      send('bob', 'there', 99n),
    ]);
    expect(results.slice(0, 8)).toMatchObject(
      Array.from({ length: 8 }, (_, n) => ({ sequence: BigInt(n + 2), duplicate: false })),
    );
    expect(results.slice(8)).toMatchObject([
      { reason: 'THREAD_NOT_FOUND' },
      { sequence: 2n, duplicate: true },
      { reason: 'SEQUENCE_MISMATCH' },
    ]);
    server.leave();
    expect((await refusal(peers.send('n', [send('bob', 'late')]))).reason).toBe('DRAINING');
    expect((await refusal(peers.send('never-was', [send('bob', 'late')]))).reason).toBe('STORE_UNAVAILABLE');
    // What needs its sessions is done to the end.
    expect(await client.endSession(bob, 'n.nobody' as SessionId, 'superseded')).toBe(false);
  });

  test('a session is over only when its node says so or its lease is over', async () => {
    const [redisServer] = redis.servers;
    redisServer?.pause();
    expect((await refusal(client.submit({ userId: bob, deviceId: noDevice }, submit(1n)))).reason).toBe(
      'STORE_UNAVAILABLE',
    );
    redisServer?.resume();
    await until(async () => ((await asking.locateNode('n')).state === 'living' ? true : undefined), {
      what: 'the node to be found again',
      withinMs: 10_000,
    });
    // The node dies: no answer, and no word to Redis.
    server.stop();
    nodeShards[Symbol.dispose]();
    expect((await refusal(client.submit({ userId: bob, deviceId: noDevice }, submit(1n)))).reason).toBe(
      'STORE_UNAVAILABLE',
    );
    await until(async () => ((await asking.locateNode('n')).state === 'gone' ? true : undefined), {
      what: 'the lease of the node to be over',
      withinMs: 10_000,
    });
    expect((await refusal(client.submit({ userId: bob, deviceId: noDevice }, submit(1n)))).reason).toBe(
      'SESSION_NOT_FOUND',
    );
    expect(await client.endSession(bob, 'n.any' as SessionId, 'superseded')).toBe(false);
    expect(await client.endSession(bob, 'never-was.any' as SessionId, 'superseded')).toBe(false);
  });
});
