// Who takes part in a fault run, on which devices, and in which threads.
import { until } from '../../platform/wait.ts';
import { Device } from './device.ts';
import type { Told } from './record.ts';

export type Chance = (below: number) => number;

export interface Thread {
  readonly id: string;
  /** Who asks for changes of members; undefined = they do not change. Never leaves. */
  readonly owner: string | undefined;
  /** Who is in as far as is known here; changes of members that wait for an answer are in both ways. */
  readonly members: Set<string>;
  /** Who may come and go. */
  readonly guests: readonly string[];
  /** A change of members is under way. */
  changing: boolean;
  /** Highest sequence that was acknowledged. */
  acknowledged: number;
}

export interface WorldOptions {
  readonly users: number;
  readonly chance: Chance;
  /** For each device the address where it dials. */
  readonly gatewayFor: (index: number) => string;
  readonly token: (user: string) => Promise<string>;
  readonly tell: (told: Told) => void;
}

const deviceNames = ['phone', 'laptop', 'tablet'];
const openWithinMs = 60_000;

export class World implements AsyncDisposable {
  readonly devices: Device[] = [];
  readonly threads: Thread[] = [];
  readonly users: readonly string[];
  readonly #options: WorldOptions;
  #asks = 0;

  private constructor(options: WorldOptions) {
    this.#options = options;
    this.users = Array.from({ length: options.users }, (_, at) => `user-${String(at + 1).padStart(2, '0')}`);
  }

  /** Resolves when everybody is live and every thread is there. */
  static async open(options: WorldOptions): Promise<World> {
    const world = new World(options);
    try {
      await world.#openDevices();
      await world.#openThreads();
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
    return world;
  }

  /** Numbers questions about positions. */
  nextAsk(): number {
    this.#asks += 1;
    return this.#asks;
  }

  devicesOf(user: string): Device[] {
    return this.devices.filter((device) => device.user === user);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.devices.map((device) => device.close()));
  }

  async #openDevices(): Promise<void> {
    const { chance, gatewayFor, token, tell } = this.#options;
    for (const user of this.users) {
      for (const device of deviceNames.slice(0, 1 + chance(3))) {
        // A thing said is read at once by some, later by others.
        const reads = (): boolean => chance(4) === 0;
        this.devices.push(new Device({ user, device, gateway: gatewayFor(this.devices.length), token, tell, reads }));
      }
    }
    await Promise.all(this.devices.map((device) => device.open()));
    const live = (): true | undefined => this.devices.every((device) => device.isLive) || undefined;
    await until(live, { what: 'every device to be live', withinMs: openWithinMs });
  }

  async #openThreads(): Promise<void> {
    const { chance } = this.#options;
    const { users } = this;
    const some = (count: number): string[] => {
      const left = [...users];
      return Array.from({ length: count }, () => left.splice(chance(left.length), 1)[0] ?? '');
    };
    // Everybody, so that each may see whether each is there.
    await this.#openGroup([...users], 0);
    for (let group = 0; group < users.length / 5; group += 1) await this.#openGroup(some(4 + chance(8)), 3);
    for (const [at, user] of users.entries()) {
      const other = users[(at + 1 + chance(users.length - 1)) % users.length] ?? '';
      if (other === user) continue;
      const opener = this.devicesOf(user)[0]?.parley;
      const { threadId } = (await opener?.threads.open(other)) ?? {};
      if (threadId === undefined || this.threads.some(({ id }) => id === threadId)) continue;
      this.#keep(threadId, undefined, [user, other], []);
    }
  }

  async #openGroup(members: readonly string[], guests: number): Promise<void> {
    const [owner = '', ...others] = members;
    const opener = this.devicesOf(owner)[0]?.parley;
    const { threadId = '' } = (await opener?.groups.create({ name: 'group', memberIds: others })) ?? {};
    this.#keep(threadId, owner, members, guests === 0 ? [] : others.slice(-guests));
  }

  #keep(id: string, owner: string | undefined, members: readonly string[], guests: readonly string[]): void {
    this.threads.push({ id, owner, members: new Set(members), guests, changing: false, acknowledged: 0 });
  }
}
