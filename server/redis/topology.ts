import { Redis } from 'ioredis';
import type { Clock } from '../core/clock.ts';
import { connectionOptions, type Link } from './link.ts';
import { slotCount } from './slots.ts';
import { addressText, type RedisAddress, type RedisSettings } from './settings.ts';

/** Who serves which slot of a cluster, as one of its nodes sees it. */
export interface Topology {
  /** The master of each slot; undefined = of none. */
  readonly masters: readonly (RedisAddress | undefined)[];
  /** Every node that was named, replicas too: whom to ask next time. */
  readonly nodes: readonly RedisAddress[];
}

const askWithinMs = 1_000;

/** The topology of a single Redis. */
export function soleTopology(address: RedisAddress): Topology {
  return { masters: Array.from({ length: slotCount }, () => address), nodes: [address] };
}

/**
 * Asks one node after the other until one knows: first those that are linked, then strangers, in random order.
 * Rejects with the last failure.
 */
export async function askTopology(
  links: readonly Link[],
  strangers: readonly RedisAddress[],
  settings: RedisSettings,
  clock: Clock,
): Promise<Topology> {
  let failure: unknown = new Error('there is no Redis node to ask');
  for (const link of shuffled(links, clock)) {
    if (!link.up) continue;
    try {
      return readTopology(await link.call('CLUSTER', ['SLOTS']), link.address, settings);
    } catch (error) {
      failure = error;
    }
  }
  for (const address of shuffled(strangers, clock)) {
    try {
      return await askStranger(address, settings, clock);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function askStranger(address: RedisAddress, settings: RedisSettings, clock: Clock): Promise<Topology> {
  const redis = new Redis(connectionOptions(address, settings, 'parley-topology'));
  let cause: Error | undefined;
  redis.on('error', (error) => (cause = error));
  // Rejects whatever is under way.
  const late = clock.after(askWithinMs, () => redis.disconnect());
  try {
    await redis.connect();
    return readTopology(await redis.call('CLUSTER', ['SLOTS']), address, settings);
  } catch (error) {
    throw cause ?? error;
  } finally {
    late.cancel();
    redis.disconnect();
  }
}

type SlotNode = readonly [host: string | null, port: number, ...rest: unknown[]];
type SlotRange = readonly [first: number, last: number, master: SlotNode, ...replicas: SlotNode[]];

function readTopology(answer: unknown, asked: RedisAddress, { translate }: RedisSettings): Topology {
  const addresses = new Map<string, RedisAddress>();
  const addressOf = ([host, port]: SlotNode): RedisAddress => {
    // A node that does not know its own name yet leaves it out.
    const announced = { host: host === null || host === '' ? asked.host : host, port };
    const address = translate?.(announced) ?? announced;
    const known = addresses.get(addressText(address));
    if (known !== undefined) return known;
    addresses.set(addressText(address), address);
    return address;
  };
  const masters: (RedisAddress | undefined)[] = Array.from({ length: slotCount }, () => undefined);
  for (const [first, last, master, ...replicas] of answer as SlotRange[]) {
    masters.fill(addressOf(master), first, last + 1);
    for (const replica of replicas) addressOf(replica);
  }
  if (addresses.size === 0) throw new Error(`Redis at ${addressText(asked)} knows of no slots`);
  return { masters, nodes: [...addresses.values()] };
}

function shuffled<T>(items: readonly T[], clock: Clock): T[] {
  return items
    .map((item) => ({ item, at: clock.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
