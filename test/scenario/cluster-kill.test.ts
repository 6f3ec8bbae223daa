// A node dies with everybody's stream on it: they come back elsewhere, no faster than they are let in, and presence is right soon after.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PresenceState } from '#proto/parley/v1/presence.ts';
import { type Cluster, startCluster } from '../../platform/cluster.ts';
import type { NodeHandle } from '../../platform/node-handle.ts';
import { until } from '../../platform/wait.ts';
import { Crowd, type Member } from '../support/crowd.ts';
import { newStanding } from '../support/cassandra.ts';
import { needs } from '../support/skip.ts';
import { unlimited } from '../support/unlimited.ts';

/** PARLEY_TEST_STREAMS=2000 is what the floors speak of; with PARLEY_TEST_FIGURES=1 the figures are told. */
const streams = Number(process.env['PARLEY_TEST_STREAMS'] ?? 200);
const connectsPerS = streams / 8;
/** As many as one session may watch. */
const watched = 200;
const leaving = 20;

needs(
  'redis',
  'cassandra',
  'openssl',
)('a node that dies', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    const env = { ...unlimited, PARLEY_MEMBER_CAP: '5000', PARLEY_LIMIT_CONNECTS_PER_S: String(connectsPerS) };
    cluster = await startCluster({
      standing: newStanding(),
      redis: 'one',
      env: { ...env, PARLEY_LOG_LEVEL: 'debug', PARLEY_DRAIN_NOTICE_S: '0', PARLEY_DRAIN_S: '1' },
    });
  }, 240_000);
  afterAll(() => cluster.stop());

  test('has all its streams live elsewhere within 15 s, let in at the rate that is set, and presence right within 90 s', async () => {
    const { platform } = cluster;
    const [dying, ...others] = platform.nodes as [
      (typeof platform.nodes)[number],
      ...(typeof platform.nodes)[number][],
    ];
    await Promise.all(others.map((node) => node.kill('SIGKILL')));
    await using crowd = new Crowd(platform);
    const members = await crowd.join('member', streams);
    expect(members.filter(({ nodeId }) => nodeId !== dying.id)).toEqual([]);
    await Promise.all(others.map((node) => node.start()));
    // Streams stay where they are; the watcher must outlive the node.
    let watcher: Member | undefined;
    for (let n = 0; watcher === undefined; n++) {
      const [one] = (await crowd.join(`watcher${n}-`, 1)) as [Member];
      if (one.nodeId !== dying.id) watcher = one;
    }
    const seen = members.slice(0, watched);
    await crowd.group(watcher, seen);
    await watcher.client.watchPresence(seen.map(({ id }) => id));
    const online = (user: Member): boolean => watcher.stateOf(user.id) === PresenceState.PRESENCE_STATE_ONLINE;
    const offline = (user: Member): boolean => watcher.stateOf(user.id) === PresenceState.PRESENCE_STATE_OFFLINE;
    await until(() => seen.every(online) || undefined, { what: 'everybody to be seen online', withinMs: 60_000 });

    const killedMs = performance.now();
    await dying.kill('SIGKILL');
    const [gone, back] = [seen.slice(0, leaving), members.slice(leaving)];
    await Promise.all(gone.map(({ client }) => client.close()));
    await until(() => back.every((one) => one.isLive && one.nodeId !== dying.id) || undefined, {
      what: 'all streams to be live again',
      withinMs: 60_000,
    });
    const liveMs = performance.now() - killedMs;
    const right = (): boolean => gone.every(offline) && seen.slice(leaving).every(online);
    await until(() => right() || undefined, { what: 'presence to be right', withinMs: 90_000 });
    const rightMs = performance.now() - killedMs;

    const opened = back.flatMap((one) => one.opened.slice(1));
    const rates = others.map((node) => busiestSecond(letIn(node)));
    if (process.env['PARLEY_TEST_FIGURES'] !== undefined)
      console.log({ streams, liveMs, rightMs, connectsPerS, rates });
    expect(liveMs).toBeLessThan(15_000);
    expect(rightMs).toBeLessThan(90_000);
    for (const rate of rates) expect(rate).toBeLessThanOrEqual(connectsPerS);
    expect(Math.max(...rates)).toBeGreaterThan(connectsPerS / 2);
    expect(opened).toHaveLength(back.length);
  });
});

/** When the node let streams in, wall ms. */
function letIn(node: NodeHandle): number[] {
  const lines = readFileSync(node.logFile, 'utf8').split('\n');
  return lines
    .filter((line) => line.includes('a stream is let in'))
    .map((line) => Date.parse(/"time":"([^"]+)"/.exec(line)?.[1] ?? ''));
}

/** The most of these times within a second. */
function busiestSecond(timesMs: readonly number[]): number {
  const sorted = timesMs.toSorted((a, b) => a - b);
  return Math.max(0, ...sorted.map((from, at) => sorted.findLastIndex((ms) => ms < from + 1_000) - at + 1));
}
