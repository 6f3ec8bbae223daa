import type { Random } from './random.ts';
import { BusCore } from './sim-bus.ts';
import { SimNode, type Seams, type Shared } from './sim-node.ts';
import { RegistryCore } from './sim-registry.ts';
import { Tables } from './tables.ts';
import type { Weather } from './weather.ts';
import type { World } from './world.ts';

/** Wall clocks of nodes differ by up to this. */
const mostSkewMs = 20;

/** The nodes of a run, which die and come back. */
export class Cluster {
  readonly #world: World;
  readonly #random: Random;
  readonly #shared: Shared;
  readonly #nodes: SimNode[] = [];
  readonly #lives: number[] = [];

  constructor(
    count: number,
    world: World,
    weather: Weather,
    seams: Seams,
    report: (cause: unknown) => string,
    tables = new Tables(),
  ) {
    this.#world = world;
    this.#random = world.random.fork();
    this.#shared = { world, weather, tables, bus: new BusCore(), registry: new RegistryCore(), seams, report };
    for (let at = 0; at < count; at += 1) {
      this.#lives.push(0);
      this.#nodes.push(this.#start(at));
    }
  }

  get size(): number {
    return this.#nodes.length;
  }

  /** Nodes that live. */
  get alive(): SimNode[] {
    return this.#nodes.filter(({ life }) => life.alive);
  }

  /** Some node that lives. */
  route(): SimNode | undefined {
    const alive = this.alive;
    return alive.length === 0 ? undefined : this.#random.pick(alive);
  }

  /** The node at this place dies in this moment, or after so many writes, and is back a while later. */
  crash(at: number, afterWrites: number, backInMs: number): void {
    const node = this.#nodes[at];
    if (node === undefined || !node.life.alive) return;
    const back = (): void => {
      this.#world.after(backInMs, () => {
        this.#nodes[at] = this.#start(at);
        this.#world.note(`${this.#nodes[at].life.name} is there`);
      });
    };
    node.onDeath.add(back);
    if (afterWrites === 0) node.die();
    else node.dieAfterWrites(afterWrites);
  }

  /** Whoever is about to die lives. */
  spare(): void {
    for (const node of this.alive) node.dieAfterWrites(Infinity);
  }

  node(at: number): SimNode | undefined {
    return this.#nodes[at];
  }

  #start(at: number): SimNode {
    this.#lives[at] = (this.#lives[at] ?? 0) + 1;
    const skewMs = this.#random.whole(-mostSkewMs, mostSkewMs);
    return new SimNode(`n${at}.${this.#lives[at]}`, skewMs, this.#shared);
  }
}
