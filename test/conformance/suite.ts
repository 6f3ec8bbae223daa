// Runs the rows on every carrier and makes the table of them.
import { absent, carriers, type CarrierName } from './carriers.ts';
import type { Setting } from './device.ts';
import { type Driver, NativeDriver, WebDriver } from './driver.ts';
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
  readonly outcomes: Readonly<Record<CarrierName, Outcome>>;
}

export class Suite implements AsyncDisposable {
  readonly #world: World;
  readonly #drivers: Readonly<Record<CarrierName, Driver>>;
  readonly #faults: Partial<Record<CarrierName, Setting['fault']>>;
  #runs = 0;

  private constructor(
    world: World,
    drivers: Readonly<Record<CarrierName, Driver>>,
    faults: Partial<Record<CarrierName, Setting['fault']>>,
  ) {
    this.#world = world;
    this.#drivers = drivers;
    this.#faults = faults;
  }

  static async start(): Promise<Suite> {
    const [world, web] = await Promise.allSettled([World.start(), WebDriver.start()]);
    if (world.status === 'fulfilled' && web.status === 'fulfilled') {
      return new Suite(world.value, { native: new NativeDriver(), web: web.value }, {});
    }
    for (const one of [world, web]) if (one.status === 'fulfilled') await one.value[Symbol.asyncDispose]();
    throw world.status === 'rejected' ? world.reason : (web as PromiseRejectedResult).reason;
  }

  /** The same with one carrier broken. What it stands on is this one's. */
  broken(name: CarrierName, fault: Setting['fault']): Suite {
    return new Suite(this.#world, this.#drivers, { [name]: fault });
  }

  /** Runs rows on each carrier: several at once, then one after the other those that disturb. Gives their results in the rows' order. */
  async run(some: readonly Row[], onDone: (row: Row) => void = () => undefined): Promise<RowResult[]> {
    const runs = some.flatMap((row) => (['native', 'web'] as const).map((name) => ({ row, name })));
    const outcomes = new Map<string, Outcome>();
    const waiting = runs.filter(({ row }) => row.disturbs !== true);
    const work = async (queue: typeof runs): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const { row, name } = next;
        outcomes.set(`${row.name} ${name}`, await this.#outcome(row, name));
        onDone(row);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, () => work(waiting)));
    await work(runs.filter(({ row }) => row.disturbs === true));
    const outcomeOf = (row: Row, name: CarrierName): Outcome =>
      outcomes.get(`${row.name} ${name}`) ?? { kind: 'failed', why: 'it was not run' };
    return some.map((row) => ({
      name: row.name,
      outcomes: { native: outcomeOf(row, 'native'), web: outcomeOf(row, 'web') },
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const driver of Object.values(this.#drivers)) await driver[Symbol.asyncDispose]();
    await this.#world[Symbol.asyncDispose]();
  }

  async #outcome(row: Row, name: CarrierName): Promise<Outcome> {
    const facts = carriers[name];
    const lack = facts.lacks[row.name];
    if (lack !== undefined) return { kind: 'lacks', why: lack };
    this.#runs += 1;
    const { native, web } = this.#drivers;
    const fault = this.#faults[name];
    const stage = new Stage({
      row: `${row.name} ${this.#runs}`,
      name,
      facts,
      world: this.#world,
      driver: this.#drivers[name],
      other: name === 'native' ? web : native,
      native,
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
}

/** A row is unequal when a carrier does not do what the table of carriers says of it. */
export function isUnequal({ outcomes }: RowResult): boolean {
  return Object.values(outcomes).some(({ kind }) => kind === 'failed');
}

/** The table, and the line that sums it up. */
export function tableOf(results: readonly RowResult[]): string[] {
  const names = Object.keys(carriers) as CarrierName[];
  const width = Math.max(...results.map(({ name }) => name.length));
  const cell = (outcome: Outcome): string =>
    (outcome.kind === 'passed' ? `passed ${(outcome.ms / 1000).toFixed(1)} s` : outcome.kind).padEnd(14);
  const lines = results.map(({ name, outcomes }) =>
    [name.padEnd(width), ...names.map((carrier) => cell(outcomes[carrier]))].join('  ').trimEnd(),
  );
  const whys = results.flatMap(({ name, outcomes }) =>
    names.flatMap((carrier) => {
      const outcome = outcomes[carrier];
      return outcome.kind === 'passed' ? [] : [`${name}, ${carrier}: ${outcome.why}`];
    }),
  );
  const passed = (carrier: CarrierName): number =>
    results.filter(({ outcomes }) => outcomes[carrier].kind === 'passed').length;
  const counts = names.map((carrier) => `${carrier}=${passed(carrier)}`).join(' ');
  return [
    ...names.map((carrier) => `${carrier.padEnd(width)}  ${carriers[carrier].how}`),
    ...Object.entries(absent).map(([browser, why]) => `${browser.padEnd(width)}  not run: ${why}`),
    '',
    ['row'.padEnd(width), ...names.map((carrier) => carrier.padEnd(14))].join('  ').trimEnd(),
    ...lines,
    '',
    ...whys,
    `conformance: rows=${results.length} ${counts} unequal=${results.filter(isUnequal).length}`,
  ];
}
