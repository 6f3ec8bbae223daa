// Many notifications through workers that are killed, to a push service that answers well, badly, and for a while not at all.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../server/core/clock.ts';
import type { QueueCounts } from '../../server/notify/queue.ts';
import { openEmbeddedStore } from '../../server/store/embedded/store.ts';
import { type FcmAnswer, type FcmRequest, FakeFcm, fcmError, fcmOk } from '../support/fake-fcm.ts';
import type { TestRedis } from '../support/redis.ts';
import { check, type Verdict } from './checker.ts';
import { makeScene, type SoakScene } from './soak-scene.ts';
import { openSoakQueue, type QueueSettings, type WorkerSettings } from './soak-worker.ts';

export interface SoakOptions {
  readonly notifications: number;
  readonly perS: number;
  /** What the push service may see in a second. Default: `perS`. More where a busy machine may hold back what was sent, and let it through at once. */
  readonly seenPerS?: number;
  /** A worker is killed about so often. */
  readonly killEveryMs: number;
  /** Where the queue is; then there are two workers. Default: in a folder, with one. */
  readonly redis?: TestRedis;
  readonly onProgress?: (line: string) => void;
}

export interface SoakReport extends Verdict {
  readonly expected: number;
  readonly deadTokens: number;
  readonly requests: number;
  readonly byStatus: Readonly<Record<string, number>>;
  readonly kills: number;
  readonly tookS: number;
}

/** Every so manieth token is dead, and every so manieth request met by an overloaded server. */
const one = 20;
const stormMs = 3_000;
const leaseMs = 4_000;
const longestMs = 20 * 60_000;

export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const { notifications, perS, redis, onProgress = () => undefined } = options;
  const root = await mkdtemp(path.join(os.tmpdir(), 'parley-soak-'));
  try {
    const seeded = path.join(root, 'store');
    const scene = await makeScene(seeded, notifications);
    onProgress(`${scene.looks.length} threads, ${scene.newest.size} devices`);
    const at =
      redis === undefined
        ? { folder: path.join(root, 'queue') }
        : { redis: { settings: redis.settings, prefix: 'soak:' } };
    const queue: QueueSettings = { perS, leaseMs, ...at };
    await fill(queue, scene);
    const dead = new Set([...scene.newest.keys()].filter((_, index) => index % one === 7));
    const expected = notifications - dead.size * (scene.newest.values().next().value?.size ?? 0);
    const service = new PushService(dead, expected / 3);
    await using fcm = await FakeFcm.start((request) => service.answer(request));
    const folders = await Promise.all(
      (redis === undefined ? ['w1'] : ['w1', 'w2']).map(async (id) => {
        const storeFolder = path.join(root, id);
        // A store is one process's; each works on what all of them would read.
        await cp(seeded, storeFolder, { recursive: true });
        return { id, storeFolder, queue, fcm: { port: fcm.port, ca: fcm.ca } };
      }),
    );
    const beganMs = performance.now();
    const kills = await workUntilEmpty(folders, options);
    const tookS = (performance.now() - beganMs) / 1_000;
    const seen = fcm.requests.map(({ atMs, message, status }) => {
      const { thread_id: threadId = '', sequence = '' } = message.data;
      return { atMs, token: message.token, threadId, sequence, status };
    });
    const verdict = check(seen, { newest: scene.newest, dead, perS: options.seenPerS ?? perS });
    const problems = [...verdict.problems, ...(await tokenProblems(folders, scene, dead))];
    const byStatus: Record<string, number> = {};
    for (const { status } of seen) byStatus[status] = (byStatus[status] ?? 0) + 1;
    const counts = { expected, deadTokens: dead.size, requests: seen.length, byStatus, kills, tookS };
    return { ...verdict, problems, ...counts };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function fill(settings: QueueSettings, { looks }: SoakScene): Promise<void> {
  const queue = await openSoakQueue(settings, 'filler');
  for (let start = 0; start < looks.length; start += 1_000) await queue.put(looks.slice(start, start + 1_000));
  await queue[Symbol.asyncDispose]();
}

/** A push service with dead tokens, bad moments, and one storm. */
class PushService {
  readonly #dead: ReadonlySet<string>;
  readonly #stormAt: number;
  #asked = 0;
  #taken = 0;
  #stormUntilMs: number | undefined;

  constructor(dead: ReadonlySet<string>, stormAt: number) {
    this.#dead = dead;
    this.#stormAt = stormAt;
  }

  async answer({ message }: FcmRequest): Promise<FcmAnswer> {
    const asked = ++this.#asked;
    await delay(asked % 13);
    if (this.#stormUntilMs === undefined && this.#taken >= this.#stormAt)
      this.#stormUntilMs = performance.now() + stormMs;
    if (performance.now() < (this.#stormUntilMs ?? 0)) {
      return fcmError(429, 'RESOURCE_EXHAUSTED', 'QUOTA_EXCEEDED', { headers: { 'retry-after': '2' } });
    }
    if (asked % one === 3) return fcmError(503, 'UNAVAILABLE', 'UNAVAILABLE', { headers: { 'retry-after': '1' } });
    if (asked % 997 === 5) return 'reset';
    if (this.#dead.has(message.token)) return fcmError(404, 'NOT_FOUND', 'UNREGISTERED');
    this.#taken += 1;
    return fcmOk;
  }
}

/** Gives how often a worker was killed. */
async function workUntilEmpty(
  all: readonly WorkerSettings[],
  { killEveryMs, onProgress }: SoakOptions,
): Promise<number> {
  const workers = all.map((settings) => new WorkerProcess(settings));
  const endMs = performance.now() + longestMs;
  let killMs = performance.now() + killEveryMs;
  let kills = 0;
  try {
    for (let empty = 0; empty < 4;) {
      await delay(250);
      const [counts] = workers.flatMap(({ counts: said }) => (said === undefined ? [] : [said]));
      empty = counts !== undefined && counts.looks + counts.waiting === 0 ? empty + 1 : 0;
      if (performance.now() > endMs) throw new Error(`the queue is not empty after ${longestMs / 60_000} minutes`);
      if (performance.now() < killMs || empty > 0) continue;
      const victim = workers[kills % workers.length];
      // One that has not begun holds nothing that could be lost.
      if (victim?.counts === undefined) continue;
      onProgress?.(`kill ${kills + 1}: ${JSON.stringify(counts)}`);
      await victim.killAndRestart();
      kills += 1;
      killMs = performance.now() + killEveryMs;
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
  }
  return kills;
}

class WorkerProcess {
  /** As it said last; undefined since it was killed. */
  counts: QueueCounts | undefined;
  readonly #settings: WorkerSettings;
  #child: ChildProcess;

  constructor(settings: WorkerSettings) {
    this.#settings = settings;
    this.#child = this.#start();
  }

  async killAndRestart(): Promise<void> {
    await this.kill();
    this.#child = this.#start();
  }

  async kill(): Promise<void> {
    const child = this.#child;
    const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
    child.kill('SIGKILL');
    await ended;
    this.counts = undefined;
  }

  #start(): ChildProcess {
    const args = [path.join(import.meta.dirname, 'soak-worker.ts'), JSON.stringify(this.#settings)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (child === this.#child) this.counts = JSON.parse(line) as QueueCounts;
    });
    return child;
  }
}

/** A dead token is gone from the store of whichever worker heard so; a live one from none. */
async function tokenProblems(
  all: readonly WorkerSettings[],
  { owners }: SoakScene,
  dead: ReadonlySet<string>,
): Promise<string[]> {
  const problems: string[] = [];
  const removed = new Set<string>();
  for (const { storeFolder } of all) {
    const store = await openEmbeddedStore({ folder: storeFolder, clock: systemClock });
    for (const [token, { userId, deviceId }] of owners) {
      if ((await store.device(userId, deviceId))?.pushToken === '') removed.add(token);
    }
    await store[Symbol.asyncDispose]();
  }
  for (const token of dead) if (!removed.has(token)) problems.push(`${token} is dead and still there`);
  for (const token of removed) if (!dead.has(token)) problems.push(`${token} is alive and was removed`);
  return problems;
}
