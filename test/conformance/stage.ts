// What a scenario has: devices on the carrier that is tested, people beside them, and the deployment to break.
import { until as waitUntil } from '../../platform/wait.ts';
import type { CarrierFacts, CarrierName } from './carriers.ts';
import type { Setting, Told } from './device.ts';
import type { Driver, Place } from './driver.ts';
import type { Remote } from './remote.ts';
import type { World } from './world.ts';

export interface StageOptions {
  readonly row: string;
  readonly name: CarrierName;
  readonly facts: CarrierFacts;
  readonly world: World;
  /** The carrier that is tested, one to move to, and one for those who only take part. */
  readonly driver: Driver;
  readonly other: Driver;
  readonly native: Driver;
  /** A fault of the tested carrier, for tests of the suite. */
  readonly fault?: Setting['fault'];
}

export interface DeviceWish extends Partial<Setting> {
  /** Default: without TLS. */
  readonly place?: Place;
  /** Default: a token for a day. */
  readonly token?: () => Promise<string>;
}

const withinMs = 20_000;

export class Stage implements AsyncDisposable {
  readonly facts: CarrierFacts;
  readonly world: World;
  readonly #options: StageOptions;
  readonly #devices: Remote[] = [];

  constructor(options: StageOptions) {
    this.#options = options;
    this.facts = options.facts;
    this.world = options.world;
  }

  /** A user id that no other row or carrier has. */
  user(name: string): string {
    return `${this.#options.row.replaceAll(/\W+/g, '-')}.${this.#options.name}.${name}`;
  }

  /** A device of a user on the tested carrier, not begun. */
  device(name: string, wish: DeviceWish = {}): Promise<Remote> {
    return this.#make(this.#options.driver, name, { ...this.#faulty(), ...wish });
  }

  /** The same on another carrier. */
  elsewhere(name: string, wish: DeviceWish = {}): Promise<Remote> {
    return this.#make(this.#options.other, name, wish);
  }

  /** Somebody who takes part, live. */
  async peer(name: string, wish: DeviceWish = {}): Promise<Remote> {
    return this.live(await this.#make(this.#options.native, name, wish));
  }

  /** Begins and waits until it is live. */
  async live(device: Remote): Promise<Remote> {
    await device.start();
    await this.until(device, 'it is live', ({ phase, sessions }) => phase === 'live' && sessions.length > 0);
    return device;
  }

  /** The versions of HTTP in which the gateway has met a user. */
  async protocols(name: string): Promise<string[]> {
    const user = this.user(name);
    return this.eventually('the gateway has logged them', async () => {
      const found = await this.world.protocols(user);
      return found.length > 0 ? found : undefined;
    });
  }

  /** Waits until something holds of what a device was told, and gives that. */
  until(device: Remote, what: string, holds: (told: Told) => boolean): Promise<Told> {
    return this.eventually(what, async () => {
      const told = await device.told();
      return holds(told) ? told : undefined;
    });
  }

  /** Waits for the first defined answer. */
  eventually<T>(what: string, ask: () => Promise<T | undefined>): Promise<T> {
    return waitUntil(ask, { what, withinMs, everyMs: 25 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A page that is gone, or a client closed already, has nothing to end.
    await Promise.all(this.#devices.map((device) => device.stop().catch(() => undefined)));
  }

  #faulty(): Partial<Setting> {
    const { fault } = this.#options;
    return fault === undefined ? {} : { fault };
  }

  async #make(driver: Driver, name: string, wish: DeviceWish): Promise<Remote> {
    const { place = this.world.plain, token, ...setting } = wish;
    const user = this.user(name);
    const device = await driver.device(
      place,
      { user, deviceId: 'device', ...setting },
      token ?? (() => this.world.token(user)),
    );
    this.#devices.push(device);
    return device;
  }
}

/** Texts of a thread's messages in the order told. */
export function textsOf(told: Told, threadId: string): string[] {
  return told.entries.filter((entry) => entry.threadId === threadId && entry.text !== '').map(({ text }) => text);
}

/** Sequences of a thread's entries in the order told. */
export function sequencesOf(told: Told, threadId: string): number[] {
  return told.entries.filter((entry) => entry.threadId === threadId).map(({ sequence }) => sequence);
}

/** `count` texts. */
export function texts(word: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${word} ${at + 1}`);
}
