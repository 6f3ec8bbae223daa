// The end of a run, when all is whole: everybody comes back and hears the rest, and asks for what the checker needs. What does
// not come within its bound is stuck.
import { setTimeout as delay } from 'node:timers/promises';
import { ParleyError } from '../../clients/core/errors.ts';
import type { Device } from './device.ts';
import { askPresence, mostAskers, presenceWithinMs } from './presence.ts';
import type { Listener, Told } from './record.ts';
import { saidIn } from './said.ts';
import type { Workload } from './workload.ts';
import type { Thread, World } from './world.ts';

/** An SDK waits a minute between two tries at most, and opens within 20 s. */
const liveWithinMs = 100_000;
/** A draft without an answer goes out again after 15 s. */
const answersWithinMs = 120_000;
/** What the bus lost is found by comparing heads, within two minutes. */
const hearsWithinMs = 150_000;
const positionsWithinMs = 60_000;
const lookMs = 250;
const askMs = 2_000;

export interface Settling {
  readonly world: World;
  readonly workload: Workload;
  readonly tell: (told: Told) => void;
  readonly onProgress: (what: string) => void;
}

export async function settle(settling: Settling): Promise<void> {
  const { world, workload, tell, onProgress } = settling;
  const { devices } = world;
  onProgress('waiting for answers, and for everybody to be live');
  await workload.stop();
  await Promise.all(devices.map((device) => device.open()));
  const answered = within(answersWithinMs, () => workload.unanswered === 0);
  if (!(await within(liveWithinMs, () => devices.every((device) => device.isLive)))) {
    for (const device of devices.filter(({ isLive }) => !isLive)) {
      const state = JSON.stringify(device.parley?.connection, (_key, value: unknown) =>
        value instanceof Error ? String(value) : value,
      );
      tell({ kind: 'stuck', what: `${device.name} is not live: ${state}` });
    }
  }
  if (!(await answered)) tell({ kind: 'stuck', what: `${workload.unanswered} things asked for have no answer` });

  onProgress('waiting until everybody heard everything');
  const behind = (): string[] => devices.flatMap((device) => missedBy(device, world.threads));
  await within(hearsWithinMs, () => behind().length === 0);
  for (const what of behind()) tell({ kind: 'stuck', what });

  onProgress('reading whole logs');
  for (const thread of world.threads) await readWhole(settling, thread);
  onProgress('everybody reads');
  await settlePositions(settling);
  onProgress('some go; asking who is there');
  await settlePresence(settling);
}

/** Whether it came to hold in time. */
async function within(ms: number, holds: () => boolean | Promise<boolean>, everyMs = lookMs): Promise<boolean> {
  const endMs = performance.now() + ms;
  while (!(await holds())) {
    if (performance.now() > endMs) return false;
    await delay(everyMs);
  }
  return true;
}

function missedBy(device: Device, threads: readonly Thread[]): string[] {
  return threads.flatMap(({ id, members, acknowledged }) => {
    if (!members.has(device.user)) return [];
    const held = device.held(id);
    return held >= acknowledged ? [] : [`${device.name} heard ${id} up to ${held}, not ${acknowledged}`];
  });
}

/** Two members read the thread by plain calls, from its start: they are served by different nodes, mostly. */
async function readWhole({ world, tell }: Settling, thread: Thread): Promise<void> {
  const others = [...thread.members].filter((user) => user !== thread.owner && !thread.guests.includes(user));
  const readers = [...(thread.owner === undefined ? [] : [thread.owner]), ...others].slice(0, 2);
  for (const user of readers) {
    const listener: Listener = { user, device: 'reader', life: 0 };
    try {
      tell({ kind: 'whole', listener, thread: thread.id, head: await readLog(world, user, listener, thread.id, tell) });
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
      tell({ kind: 'stuck', what: `${user} could not read ${thread.id}: ${error.reason} ${error.message}` });
    }
  }
}

async function readLog(
  world: World,
  user: string,
  listener: Listener,
  thread: string,
  tell: (told: Told) => void,
): Promise<number> {
  const parley = world.devicesOf(user)[0]?.parley;
  if (parley === undefined) throw new Error(`${user} has no open device`);
  for (let held = 0n; ;) {
    const { entries, head } = await parley.history.entries(thread, { afterSequence: held, pageSize: 1000 });
    for (const entry of entries) {
      held = entry.sequence;
      const epoch = String(head?.epoch ?? 0n);
      tell({ kind: 'heard', listener, thread, epoch, sequence: Number(held), said: saidIn(entry) });
    }
    if (entries.length === 0 || held === head?.sequence) return Number(head?.sequence ?? held);
  }
}

async function settlePositions({ world, tell }: Settling): Promise<void> {
  for (const { id, members } of world.threads) {
    for (const user of members) for (const device of world.devicesOf(user)) device.markRead(id);
  }
  const missing = await Promise.all(
    world.threads.map(async (thread) => {
      let behind: string[] = [];
      await within(
        positionsWithinMs,
        async () => {
          behind = await positionsBehind(world, thread, tell);
          return behind.length === 0;
        },
        askMs,
      );
      return behind;
    }),
  );
  for (const what of missing.flat()) tell({ kind: 'stuck', what });
}

/** Asks once; gives who is not said to have all. */
async function positionsBehind(world: World, thread: Thread, tell: (told: Told) => void): Promise<string[]> {
  const [asker = ''] = thread.owner === undefined ? thread.members : [thread.owner];
  const device = world.devicesOf(asker)[0];
  const parley = device?.parley;
  if (device === undefined || parley === undefined) return [`${asker} is not there to ask for positions`];
  const ask = world.nextAsk();
  const { listener } = device;
  tell({ kind: 'positions-asked', ask, thread: thread.id });
  try {
    const { receipts } = await parley.receipts.list(thread.id, { pageSize: 500 });
    const told = new Map(receipts.map((receipt) => [receipt.userId, receipt]));
    return [...thread.members].flatMap((user) => {
      const at = told.get(user);
      const [delivered, read] = [Number(at?.deliveredSequence ?? 0n), Number(at?.readSequence ?? 0n)];
      tell({ kind: 'position', ask, listener, thread: thread.id, user, delivered, read });
      const due = thread.acknowledged;
      if (delivered >= due && read >= due) return [];
      return [`${user} is said to have ${thread.id} up to ${delivered}/${read}, not ${due}`];
    });
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error;
    return [`${asker} could not ask for the positions of ${thread.id}: ${error.reason}`];
  }
}

/** A quarter of the users close everything; the others are asked who is there. */
async function settlePresence({ world, tell }: Settling): Promise<void> {
  const gone = world.users.filter((_, at) => at % 4 === 3);
  await Promise.all(gone.flatMap((user) => world.devicesOf(user)).map((device) => device.close()));
  const askers = world.users.filter((user) => !gone.includes(user)).slice(0, mostAskers);
  const is = new Map(world.users.map((user) => [user, gone.includes(user) ? 'offline' : 'online']));
  await Promise.all(
    askers.map(async (asker) => {
      await within(presenceWithinMs, async () => (await askPresence(world, asker, is)).length === 0, askMs);
      for (const one of await askPresence(world, asker, is)) tell({ kind: 'presence', asker, ...one });
    }),
  );
}
