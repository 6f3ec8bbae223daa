// What three nodes are to one another: asked by nobody else, and faster together where many write to one thread at once.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ChannelCredentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SubmitRequest } from '#proto/parley/v1/stream_service.ts';
import { HistoryServiceService } from '#proto/parley/v1/history_service.ts';
import { type Cluster, startCluster } from '../../platform/cluster.ts';
import { writeCertificate } from '../gateway/support/certificate.ts';
import { metricOf } from '../support/crowd.ts';
import { codeOf, portOf } from '../support/node-port.ts';
import { groupOf, People, type Person, textContent } from '../support/raw-people.ts';
import { newStanding } from '../support/cassandra.ts';
import { needs } from '../support/skip.ts';
import { unlimited } from '../support/unlimited.ts';

const each = 40;
const inFlight = 4;
const perNode = 4;

needs(
  'redis',
  'cassandra',
  'openssl',
)('three nodes', () => {
  let cluster: Cluster;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'parley-strangers-'));
    cluster = await startCluster({
      standing: newStanding(),
      redis: 'one',
      env: { ...unlimited, PARLEY_DRAIN_NOTICE_S: '0' },
    });
  }, 240_000);
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await cluster.stop();
  });

  test('have a port that answers nodes, and nobody without a certificate of their authority', async () => {
    const certs = path.join(cluster.platform.dataDir, 'node-certs');
    const [ca, cert, key] = ['ca.crt', 'n1.crt', 'n1.key'].map((file) => readFileSync(path.join(certs, file)));
    const files = writeCertificate(folder, 'stranger', 'parley-node');
    const stranger = [files.key, files.cert].map((file) => readFileSync(file)) as [Buffer, Buffer];
    for (const node of cluster.platform.nodes) {
      const port = portOf(node);
      expect(await codeOf(port, ChannelCredentials.createSsl(ca, key, cert))).toBe('OK');
      expect(await codeOf(port, ChannelCredentials.createInsecure())).toBe('UNAVAILABLE');
      expect(await codeOf(port, ChannelCredentials.createSsl(ca!))).toBe('UNAVAILABLE');
      expect(await codeOf(port, ChannelCredentials.createSsl(ca!, ...stranger))).toBe('UNAVAILABLE');
    }
  });

  test('are asked for nothing by another way: neither the gateway nor the port for clients serves its calls', async () => {
    const { gateway, envoy, nodes } = cluster.platform;
    const token = await cluster.platform.token('alice');
    for (const target of [gateway, ...nodes.map(({ address }) => address)]) {
      expect(await codeOf(target, ChannelCredentials.createInsecure(), token)).toBe('UNIMPLEMENTED');
    }
    const known = await (await fetch(`http://${envoy?.admin}/config_dump?include_eds`)).text();
    for (const node of nodes) {
      expect(known).toContain(`"port_value": ${node.address.split(':')[1]}`);
      expect(known).not.toContain(`"port_value": ${portOf(node).split(':')[1]}`);
    }
  });

  test('hand a Submit on to the node that has its session, and say that it is over once that is gone', async () => {
    const [here, there] = cluster.platform.nodes.map(({ address }) => new People(cluster.platform, address));
    const alice = await here!.person('alice');
    const [stream, call] = alice.client.openListen();
    await stream.live({ deviceId: 'web' });
    const [, elsewhere] = (await there!.again(alice.id)).client.openListen();
    const submit = (number: bigint) =>
      elsewhere.submit(
        SubmitRequest.fromPartial({
          sessionId: call.sessionId,
          number,
          frames: [{ requestId: number, frame: { $case: 'heartbeat', value: {} } }],
        }),
      );
    expect((await submit(2n)).status).toMatchObject({ reason: 'INVALID_FIELD', metadata: { next_number: '1' } });
    expect(await submit(1n)).toMatchObject({ due: 2n });
    await stream.reply(1n);
    stream.cancel();
    await stream.ended;
    await expect.poll(async () => (await submit(2n)).status.reason).toBe('SESSION_NOT_FOUND');
    for (const each of [here!, there!]) each[Symbol.dispose]();
  });

  const conflicts = (): Promise<number> => metricOf(cluster.platform.nodes, 'parley_append_conflicts_total');
  const routed = (): Promise<number> =>
    metricOf(cluster.platform.nodes, 'parley_sends_routed_total{outcome="answered"}');

  /** Everybody says the same number of things, some ahead of the replies. */
  async function storm(label: string): Promise<void> {
    const groups = cluster.platform.nodes.map(({ address }) => new People(cluster.platform, address));
    const people = await Promise.all(
      groups.flatMap((group, node) => Array.from({ length: perNode }, (_, n) => group.person(`${label}-${node}-${n}`))),
    );
    const [owner, ...others] = people as [Person, ...Person[]];
    const threadId = await groupOf(owner, ...others);
    const reader = await (await groups[0]!.again(owner.id)).client.open().live({ deviceId: 'reader' });
    const heard: bigint[] = [];
    reader.onTold = (frame) => {
      if (frame.$case !== 'entriesAppended') return;
      heard.push(...frame.value.entries.map(({ sequence }) => sequence));
      reader.say('ack', { position: { threadId, upToSequence: heard.at(-1) ?? 0n } });
    };
    const streams = await Promise.all(people.map(({ client }) => client.open().live({ deviceId: 'writer' })));
    await Promise.all(
      streams.map(async (stream, person) => {
        for (let n = 0; n < each; n += inFlight) {
          const replies = Array.from({ length: inFlight }, (_, next) =>
            stream.request('send', {
              threadId,
              clientMessageId: `m${n + next}`,
              knownHead: 1n,
              content: textContent(`${people[person]?.id} ${n + next}`),
            }),
          );
          for (const { error } of await Promise.all(replies)) expect(error).toBeUndefined();
        }
      }),
    );
    const total = people.length * each;
    const texts: string[] = [];
    while (texts.length < total) {
      const page = await owner.client.ask(HistoryServiceService.listEntries, {
        threadId,
        afterSequence: BigInt(texts.length + 1),
        upToSequence: 0n,
        pageSize: 100,
      });
      if (page.entries.length === 0) break;
      for (const { kind } of page.entries) {
        const body = kind?.$case === 'message' ? kind.value.content?.body : undefined;
        texts.push(body?.$case === 'text' ? body.value : '');
      }
    }
    expect(texts).toHaveLength(total);
    for (const { id } of people) {
      const said = Array.from({ length: each }, (_, n) => `${id} ${n}`);
      expect(texts.filter((text) => text.startsWith(`${id} `))).toEqual(said);
    }
    // Whoever listens hears all of it once, whichever node appended it.
    await reader.until(() => heard.at(-1) === BigInt(total + 1));
    expect(heard).toEqual(Array.from({ length: heard.length }, (_, n) => (heard[0] ?? 0n) + BigInt(n)));
    expect(reader.all('skipped')).toEqual([]);
    for (const group of groups) group[Symbol.dispose]();
  }

  test("take every message once and in its sender's order into a hot thread, routed and not; routed there are fewer conflicts", async () => {
    await storm('routed');
    const whenRouted = await conflicts();
    expect(await routed()).toBeGreaterThan(0);
    for (const node of cluster.platform.nodes) {
      await node.kill('SIGTERM');
      await node.start({ PARLEY_NODES_ROUTE: '0' });
    }
    await storm('alone');
    const whenAlone = await conflicts();
    expect(await routed()).toBe(0);
    expect(whenRouted).toBeLessThan(whenAlone / 2);
  });
});
