// Who is there, as users are told it, against which devices are live.
import { setTimeout as delay } from 'node:timers/promises';
import type { Presence } from '#proto/parley/v1/presence.ts';
import { PresenceState } from '#proto/parley/v1/presence.ts';
import { ParleyError } from '../../clients/core/errors.ts';
import type { Told } from './record.ts';
import type { World } from './world.ts';

/** Presence is right within this, whatever was broken before. */
export const presenceWithinMs = 90_000;
/** Mostly they are served by different nodes. */
export const mostAskers = 6;
const lookMs = 500;

const states: Readonly<Record<number, string>> = {
  [PresenceState.PRESENCE_STATE_ONLINE]: 'online',
  [PresenceState.PRESENCE_STATE_OFFLINE]: 'offline',
  [PresenceState.PRESENCE_STATE_UNKNOWN]: 'unknown',
  [PresenceState.PRESENCE_STATE_HIDDEN]: 'hidden',
};

export interface Wrong {
  readonly user: string;
  readonly state: string;
  readonly is: string;
}

/** Asks about those whose presence `is` knows; gives those who are told otherwise. All are `not answered` when the call fails. */
export async function askPresence(world: World, asker: string, is: ReadonlyMap<string, string>): Promise<Wrong[]> {
  const users = [...is.keys()];
  let presences: Presence[] = [];
  try {
    presences =
      (await world
        .devicesOf(asker)
        .find(({ isLive }) => isLive)
        ?.parley?.people.presences(users)) ?? [];
  } catch (error) {
    if (!(error instanceof ParleyError)) throw error;
  }
  return users.flatMap((user, at) => {
    const state = states[presences[at]?.state ?? 0] ?? 'not answered';
    const wanted = is.get(user) ?? '';
    return state === wanted ? [] : [{ user, state, is: wanted }];
  });
}

/**
 * A calm that lasts as long as presence may take to be right, while people go on: then those are asked about who have been there, or
 * gone, all the while.
 */
export async function lookAtPresence(world: World, tell: (told: Told) => void): Promise<void> {
  const there = new Map(world.users.map((user) => [user, new Set<boolean>()]));
  const look = (): void => {
    for (const [user, seen] of there) seen.add(world.devicesOf(user).some(({ isLive }) => isLive));
  };
  const endMs = performance.now() + presenceWithinMs;
  while (performance.now() < endMs) {
    look();
    await delay(lookMs);
  }
  const steady = (): Map<string, string> => {
    look();
    const same = [...there].filter(([, seen]) => seen.size === 1);
    return new Map(same.map(([user, seen]) => [user, seen.has(true) ? 'online' : 'offline']));
  };
  const is = steady();
  const askers = world.users.filter((user) => is.get(user) === 'online').slice(0, mostAskers);
  const answers = await Promise.all(
    askers.map(async (asker) => ({ asker, wrong: await askPresence(world, asker, is) })),
  );
  // Who came or went while it was asked is no longer what they were.
  const still = steady();
  for (const { asker, wrong } of answers) {
    for (const one of wrong) if (still.has(one.user)) tell({ kind: 'presence', asker, ...one });
  }
}
