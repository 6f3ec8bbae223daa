// Runs the rows on every carrier that is here.
import type { Backends } from '../../platform/backends.ts';
import { startBrowserOf } from './browsers/browsers.ts';
import { type BrowserCarrier, carriers, type CarrierName, carrierNames } from './carriers.ts';
import type { Setting } from './device.ts';
import { type Driver, NativeDriver, PageDriver } from './driver.ts';
import type { Row } from './row.ts';
import { endRows } from './rows-ends.ts';
import { talkRows } from './rows-talk.ts';
import { Stage } from './stage.ts';
import { World } from './world.ts';

/** Runs of calm rows at a time. */
const atOnce = 5;

export const rows: readonly Row[] = [...talkRows, ...endRows];

/** `passed`, why it did not, or why the carrier need not. */
export type Outcome =
  | { readonly kind: 'passed'; readonly ms: number }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'lacks'; readonly why: string };

export interface RowResult {
  readonly name: string;
  /** Of the carriers that are run. */
  readonly outcomes: Readonly<Partial<Record<CarrierName, Outcome>>>;
}

type Drivers = ReadonlyMap<CarrierName, Driver>;

export class Suite implements AsyncDisposable {
  readonly #made: AsyncDisposableStack;
  readonly #world: World;
  readonly #drivers: Drivers;
  readonly #faults: Partial<Record<CarrierName, Setting['fault']>>;
  #runs = 0;

  private constructor(made: AsyncDisposableStack, world: World, drivers: Drivers, faults = {}) {
    this.#made = made;
    this.#world = world;
    this.#drivers = drivers;
    this.#faults = faults;
  }

  /** With the native carrier and these; `web` must be among them. On a Cassandra of its own when none stands already. Leaves nothing when it throws. */
  static async start(browsers: readonly BrowserCarrier[], standing?: Backends['cassandra']): Promise<Suite> {
    await using made = new AsyncDisposableStack();
    const world = made.use(await World.start(standing));
    const drivers = new Map<CarrierName, Driver>([['native', new NativeDriver()]]);
    for (const name of browsers) drivers.set(name, made.use(await PageDriver.start(() => startBrowserOf(name))));
    return new Suite(made.move(), world, drivers);
  }

  /** The same with one carrier broken. What it stands on is this one's. */
  broken(name: CarrierName, fault: Setting['fault']): Suite {
    return new Suite(this.#made, this.#world, this.#drivers, { [name]: fault });
  }

  /** Runs rows on each carrier: several at once, then one after the other those that disturb. Gives their results in the rows' order. */
  async run(
    some: readonly Row[],
    onDone: (row: Row, name: CarrierName) => void = () => undefined,
  ): Promise<RowResult[]> {
    const names = carrierNames.filter((name) => this.#drivers.has(name));
    const runs = some.flatMap((row) => names.map((name) => ({ row, name })));
    const outcomes = new Map<string, Outcome>();
    const waiting = runs.filter(({ row }) => row.disturbs !== true);
    const work = async (queue: typeof runs): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const { row, name } = next;
        outcomes.set(`${row.name} ${name}`, await this.#outcome(row, name));
        onDone(row, name);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, () => work(waiting)));
    await work(runs.filter(({ row }) => row.disturbs === true));
    return some.map((row) => ({
      name: row.name,
      outcomes: Object.fromEntries(names.map((name) => [name, outcomes.get(`${row.name} ${name}`)])),
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#made.disposeAsync();
  }

  async #outcome(row: Row, name: CarrierName): Promise<Outcome> {
    const facts = carriers[name];
    const lack = facts.lacks[row.name];
    if (lack !== undefined) return { kind: 'lacks', why: lack };
    this.#runs += 1;
    const fault = this.#faults[name];
    const stage = new Stage({
      row: `${row.name} ${this.#runs}`,
      name,
      facts,
      world: this.#world,
      driver: this.#driver(name),
      other: this.#driver(name === 'native' ? 'web' : 'native'),
      native: this.#driver('native'),
      ...(fault === undefined ? {} : { fault }),
    });
    const begunMs = performance.now();
    try {
      await row.run(stage);
      return { kind: 'passed', ms: performance.now() - begunMs };
    } catch (error) {
      return { kind: 'failed', why: error instanceof Error ? error.message : String(error) };
    } finally {
      await stage[Symbol.asyncDispose]();
    }
  }

  #driver(name: CarrierName): Driver {
    const driver = this.#drivers.get(name);
    if (driver === undefined) throw new Error(`the carrier ${name} is not run`);
    return driver;
  }
}
