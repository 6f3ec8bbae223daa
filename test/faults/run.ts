// A fault run: a cluster, people who talk on it, faults by the seed, a calm end, and the verdict.
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { seeded } from '../replay/random.ts';
import { bypasses } from './bypass.ts';
import { Checker, type Verdict } from './checker.ts';
import type { Fault, Scene } from './fault.ts';
import { History } from './history.ts';
import { lookAtPresence, presenceWithinMs } from './presence.ts';
import type { Told } from './record.ts';
import { Rig } from './rig.ts';
import { turns } from './schedule.ts';
import { settle } from './settle.ts';
import { Workload } from './workload.ts';
import { World } from './world.ts';

export interface FaultRunOptions {
  readonly seed: number;
  /** From the first fault's calm to the last fault's end, about. */
  readonly minutes: number;
  readonly faults: readonly Fault[];
  /** Goes on until every fault has come, however long that takes. */
  readonly eachOnce: boolean;
  /** Everything of the run is in it. */
  readonly folder: string;
  readonly users: number;
  /** Things done a second. */
  readonly rate: number;
  /** Before each fault, after the last one is over. */
  readonly calmS: number;
  /** Faults last so many times as long as usually. */
  readonly pace: number;
  readonly main?: string;
  /** The nodes' program of an older release; default: none, and `old-beside-new` does nothing. */
  readonly oldMain?: string;
  /** A line for the screen. */
  readonly say: (line: string) => void;
}

export interface FaultRun extends Verdict {
  /** In their order. */
  readonly injected: readonly Injected[];
}

/** One fault, or two at the same time, from breaking to being whole again; ms since the run began. */
export interface Injected {
  readonly names: readonly string[];
  readonly fromMs: number;
  readonly toMs: number;
}

/** A look at how things stand, on the screen. */
const sayEveryMs = 10_000;

/** Presence is looked at once in so many faults: that takes a minute and a half. */
const turnsBetweenLooks = 10;

/** Rejects when it could not begin; a run that began ends with a verdict, whatever went wrong. */
export async function runFaults(options: FaultRunOptions): Promise<FaultRun> {
  const { seed, folder, say } = options;
  const startedMs = performance.now();
  const checker = new Checker();
  await using history = await History.open(path.join(folder, 'history.jsonl'));
  let acknowledged = 0;
  const tell = (told: Told): void => {
    const record = { ...told, atMs: Math.round(performance.now() - startedMs) };
    if (told.kind === 'acknowledged') acknowledged += 1;
    history.append(record);
    checker.add(record);
    if (told.kind === 'crashed') note(told.text);
  };
  const note = (text: string): void => {
    say(`${clockTime(performance.now() - startedMs)}  ${text}`);
  };
  await using rig = await Rig.start({
    folder: path.join(folder, 'cluster'),
    ...(options.main === undefined ? {} : { main: options.main }),
    isShortLived: options.minutes < 5,
    onProgress: (what) => note(`starts ${what}`),
    onCrash: (text) => tell({ kind: 'crashed', text }),
  });
  const world = await World.open({
    users: options.users,
    chance: seeded(seed + 1),
    gatewayFor: (index) => rig.gatewayFor(index),
    token: (user) => rig.token(user),
    tell,
  });
  await using _world = world;
  note(`${world.users.length} users with ${world.devices.length} devices in ${world.threads.length} threads`);
  const workload = new Workload({ world, chance: seeded(seed + 2), tell, rate: options.rate });
  const looking = setInterval(() => {
    const live = world.devices.filter((device) => device.isLive).length;
    note(
      `${acknowledged} acknowledged, ${live} of ${world.devices.length} devices live, ${workload.unanswered} unanswered`,
    );
  }, sayEveryMs);
  try {
    const scene: Scene = {
      rig,
      chance: seeded(seed),
      pace: options.pace,
      oldMain: options.oldMain,
      note: (text) => {
        note(text);
        tell({ kind: 'note', text });
      },
    };
    await refuseBypasses(rig);
    const injected = await injectAll(options, scene, {
      nowMs: () => performance.now() - startedMs,
      async look() {
        await lookAtPresence(world, tell);
        const overdue = workload.overdue(presenceWithinMs);
        if (overdue > 0) tell({ kind: 'stuck', what: `${overdue} things asked for had no answer during a long calm` });
      },
      failing: (what) => tell({ kind: 'stuck', what }),
    });
    await refuseBypasses(rig);
    for (const line of rig.lines) line.mend();
    await settle({ world, workload, tell, onProgress: note });
    return { ...checker.finish(), injected };
  } finally {
    clearInterval(looking);
    await workload.stop();
  }
}

/** A run whose faults do not bite says nothing. */
async function refuseBypasses(rig: Rig): Promise<void> {
  const found = await bypasses(rig);
  if (found.length > 0) throw new Error(['connections go around the lines:', ...found].join('\n  '));
}

interface Injecting {
  readonly nowMs: () => number;
  /** Takes the time of a longer calm. */
  readonly look: () => Promise<void>;
  /** What was broken could not be made whole: nothing more is broken. */
  readonly failing: (what: string) => void;
}

/** Gives what was injected, in its order. */
async function injectAll(
  options: FaultRunOptions,
  scene: Scene,
  { nowMs, look, failing }: Injecting,
): Promise<Injected[]> {
  const injected: Injected[] = [];
  const endMs = nowMs() + options.minutes * 60_000;
  for (const turn of turns(options.faults, scene.chance)) {
    if (injected.length % turnsBetweenLooks === turnsBetweenLooks - 1) {
      scene.note('a longer calm, to see who is said to be there');
      await look();
    } else await delay(options.calmS * 1000);
    const fromMs = nowMs();
    const come = new Set(injected.flatMap(({ names }) => names));
    if (fromMs > endMs && (!options.eachOnce || come.size === options.faults.length)) break;
    const names = turn.map(({ name }) => name);
    scene.note(`${names.join(' and ')} begins`);
    const ends = await Promise.allSettled(turn.map((fault) => fault.run(scene)));
    scene.note(`${names.join(' and ')} is over`);
    injected.push({ names, fromMs, toMs: nowMs() });
    const failed = ends.filter((end) => end.status === 'rejected');
    for (const { reason } of failed) failing(`after ${names.join(' and ')} it is not whole again: ${String(reason)}`);
    if (failed.length > 0) break;
  }
  return injected;
}

export function clockTime(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
}
