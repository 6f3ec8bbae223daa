import { act, createGroup, openDirect, pauseAfter, type Scene } from './actions.ts';
import { lacking, wrongIn, wrongTexts } from './checker.ts';
import { Cluster } from './cluster.ts';
import { Ledger } from './ledger.ts';
import { wrongPositions } from './position-check.ts';
import { Random } from './random.ts';
import { SimDevice } from './sim-device.ts';
import type { Seams } from './sim-node.ts';
import type { Tables } from './tables.ts';
import { Trace } from './trace.ts';
import { calm } from './weather.ts';
import { World } from './world.ts';

/** From when on nothing is disturbed, all have the same within this time: each head is looked at every 60–120 s, and 10 s more. */
const boundMs = 130_000;
const lookEveryMs = 2_000;
/** What is left of the work, and positions, are seen within this. */
const staysMs = 5_000;
const allUsers = ['alice', 'bob', 'carol', 'dave'];

export interface RunOptions {
  readonly seed: number;
  readonly print?: (line: string) => void;
  readonly seams?: Seams;
  readonly tables?: Tables;
}

export interface RunResult {
  readonly seed: number;
  /** Of everything that happened. */
  readonly digest: string;
  readonly lines: number;
  readonly actions: number;
  readonly acknowledged: number;
  /** Virtual ms from calm until all had the same. */
  readonly convergedMs: number;
  readonly anomalies: readonly string[];
}

/** One run: some devices of some users on some nodes, seeded work and trouble, then calm, then the verdict. */
export async function simulate({ seed, print, seams = {}, tables }: RunOptions): Promise<RunResult> {
  const trace = new Trace(print);
  const world = new World(seed, trace);
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995);
  const ledger = new Ledger();
  const report = (cause: unknown): string => {
    ledger.wrong.push(`bug: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`);
    return 'a bug';
  };
  const weather = { ...calm };
  const cluster = new Cluster(random.whole(1, 3), world, weather, seams, report, tables);
  const users = allUsers.slice(0, random.whole(2, allUsers.length));
  const devices = users.flatMap((userId) =>
    Array.from({ length: random.chance(0.4) ? 2 : 1 }, (_, at) => {
      const route = () => cluster.route();
      return new SimDevice({ world, weather, ledger, userId, deviceId: `d${at + 1}`, route, report });
    }),
  );
  const scene: Scene = { world, random, weather, cluster, users, devices, ledger, ids: 0 };
  await world.runUntil(random.between(0, 500));
  openDirect(scene, random.pick(devices));
  createGroup(scene, random.pick(devices));
  await world.runUntil(world.nowMs + random.between(20, 300));

  const actions = random.whole(20, 60);
  for (let n = 0; n < actions; n += 1) {
    act(scene);
    await world.runUntil(world.nowMs + pauseAfter(scene));
  }

  await mend(scene);
  const calmMs = world.nowMs;
  const convergedMs = await converge(scene, ledger);
  const anomalies = [...lacking(ledger, devices), ...wrongIn(ledger), ...wrongTexts(ledger, devices)];
  if (anomalies.length === 0) {
    let wrong = await ask(world, wrongPositions(ledger, devices));
    // A stream that broke at the node's end only is held for dead after a minute; what was acknowledged on it is told then.
    if (wrong.length > 0) {
      await world.runUntil(calmMs + boundMs);
      wrong = await ask(world, wrongPositions(ledger, devices));
    }
    anomalies.push(...wrong);
  }
  const acknowledged = [...ledger.messages.values()].filter(({ outcome }) => outcome === 'sent').length;
  for (const anomaly of anomalies) trace.add(anomaly);
  return { seed, digest: trace.digest(), lines: trace.length, actions, acknowledged, convergedMs, anomalies };
}

/** Ends all trouble. */
async function mend({ world, weather, cluster, devices }: Scene): Promise<void> {
  world.note('calm');
  Object.assign(weather, calm);
  cluster.spare();
  while (cluster.alive.length < cluster.size) await world.runUntil(world.nowMs + 100);
  for (const { bus } of cluster.alive) bus.mend();
  for (const { carrier, client } of devices) {
    carrier.thaw();
    // A device that waits is woken; a stream that is live is left alone, also if the node knows nothing of it.
    if (client.connection.phase !== 'live') client.reconnect();
  }
}

/** Waits until all have the same and it stays so, as long as that may take; gives when it was so. */
async function converge({ world, devices }: Scene, ledger: Ledger): Promise<number> {
  const startMs = world.nowMs;
  while (world.nowMs - startMs < boundMs) {
    await world.runUntil(world.nowMs + lookEveryMs);
    if (lacking(ledger, devices).length > 0) continue;
    const convergedMs = world.nowMs - startMs;
    await world.runUntil(world.nowMs + staysMs);
    if (lacking(ledger, devices).length === 0) return convergedMs;
  }
  return world.nowMs - startMs;
}

/** What is asked of the nodes in the end. */
async function ask<Answer>(world: World, answer: Promise<Answer>): Promise<Answer> {
  let isThere = false;
  const done = answer.finally(() => {
    isThere = true;
  });
  for (let n = 0; n < 1_000 && !isThere; n += 1) await world.runUntil(world.nowMs + 100);
  return done;
}
