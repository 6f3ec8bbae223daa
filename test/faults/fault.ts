// What a fault is: it breaks something, keeps it broken for a while, and makes it whole again.
import { setTimeout as delay } from 'node:timers/promises';
import type { Rig } from './rig.ts';
import type { Chance } from './world.ts';

export interface Scene {
  readonly rig: Rig;
  readonly chance: Chance;
  /** Onto the time line. */
  readonly note: (what: string) => void;
  /** Faults last so many times as long. */
  readonly pace: number;
  /** The nodes' program of an older release; undefined = there is none. */
  readonly oldMain: string | undefined;
}

export interface Fault {
  readonly name: string;
  /** Faults of one place do not happen at the same time. */
  readonly place: 'node' | 'redis' | 'cassandra' | 'gateway' | 'keys' | `line ${string}`;
  /** Resolves when all is whole again, as far as the fault goes. */
  run(scene: Scene): Promise<void>;
}

/** Keeps it broken for some seconds between the two. Gives how many. */
export async function last({ chance, pace }: Scene, fromS: number, toS: number): Promise<number> {
  const seconds = (fromS + (chance(1000) / 1000) * (toS - fromS)) * pace;
  await delay(seconds * 1000);
  return seconds;
}

export function oneOf<T>({ chance }: Scene, list: readonly T[]): T {
  const one = list[chance(list.length)];
  if (one === undefined) throw new Error('there is none to choose from');
  return one;
}
