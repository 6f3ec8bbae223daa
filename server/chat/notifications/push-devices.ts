import type { Clock } from '../../core/clock.ts';
import type { UserId } from '../../core/ids.ts';
import { Lru } from '../../core/lru.ts';
import type { DeviceRecord } from '../../store/store.ts';

/** For so long it is remembered that a user has no device that can be notified. */
const noneMs = 10_000;
const remembered = 100_000;

/** The devices that notifications have somewhere to go to. Of a user without any, one read in ten seconds. */
export class PushDevices {
  readonly #active: (userId: UserId) => Promise<readonly DeviceRecord[]>;
  readonly #clock: Clock;
  /** Monotonic ms until which a user has none. */
  readonly #without = new Lru<UserId, number>(remembered);

  /** `active`: the devices of a user that count. */
  constructor(active: (userId: UserId) => Promise<readonly DeviceRecord[]>, clock: Clock) {
    this.#active = active;
    this.#clock = clock;
  }

  /** Whether it is known that there are none: free of cost. */
  hasNone(userId: UserId): boolean {
    return (this.#without.get(userId) ?? -Infinity) > this.#clock.monotonicMs();
  }

  async of(userId: UserId): Promise<readonly DeviceRecord[]> {
    if (this.hasNone(userId)) return [];
    const askedMs = this.#clock.monotonicMs();
    const devices = (await this.#active(userId)).filter(({ pushToken }) => pushToken !== '');
    if (devices.length === 0) this.#without.set(userId, askedMs + noneMs);
    return devices;
  }
}
