import { chunksOf } from '../../core/chunks.ts';
import type { DeviceId, UserId } from '../../core/ids.ts';
import { Lru } from '../../core/lru.ts';
import type { ThreadView } from '../../delivery/thread-views.ts';
import type { Store } from '../../store/store.ts';

/** Whose acknowledgements bodies wait for. */
export interface AwaitedDevices {
  /** A user's devices that are waited for: registered, and seen within the deployment's expiry. Of who never had one, the one that they will have. */
  awaited(userId: UserId): Promise<readonly { readonly deviceId: DeviceId }[]>;
}

const usersAtOnce = 16;

interface Behind {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
}

/**
 * Up to where the devices of a thread's members have acknowledged it. Who came in later is not waited for below their join, and a
 * member whose devices count no more, or were all signed out, is not waited for at all.
 */
export class DevicesHeld {
  readonly #store: Store;
  readonly #devices: AwaitedDevices;
  /** Of each thread the device that held it back the last time: most likely it still does. */
  readonly #behind: Lru<string, Behind>;

  constructor(store: Store, devices: AwaitedDevices, remembered: number) {
    this.#store = store;
    this.#devices = devices;
    this.#behind = new Lru(remembered);
  }

  /**
   * What every device has, or the head if nobody is waited for. Ends early, with what one device has, when that is not above `floor`:
   * usually after two reads, where all have more after one for each device and one for each member.
   */
  async byAll(view: ThreadView, floor: bigint): Promise<bigint> {
    const { threadId, head, members } = view;
    const known = this.#behind.get(threadId);
    if (known !== undefined && members.has(known.userId)) {
      const devices = await this.#devices.awaited(known.userId);
      if (devices.some(({ deviceId }) => deviceId === known.deviceId)) {
        const held = await this.#ofDevice(view, known);
        if (held <= floor) return held;
      }
    }
    let lowest = head.sequence;
    for (const some of chunksOf([...members.keys()], usersAtOnce)) {
      if (lowest <= floor) break;
      for (const { held, behind } of await Promise.all(some.map((userId) => this.#ofUser(view, userId)))) {
        if (behind === undefined || held >= lowest) continue;
        lowest = held;
        this.#behind.set(threadId, behind);
      }
    }
    return lowest;
  }

  /** What every member has on all of their devices; those who are not waited for are left out. */
  async byEach(view: ThreadView): Promise<Map<UserId, bigint>> {
    const each = new Map<UserId, bigint>();
    for (const some of chunksOf([...view.members.keys()], usersAtOnce)) {
      const found = await Promise.all(some.map((userId) => this.#ofUser(view, userId)));
      some.forEach((userId, index) => {
        const one = found[index];
        if (one?.behind !== undefined) each.set(userId, one.held);
      });
    }
    return each;
  }

  async #ofUser(view: ThreadView, userId: UserId): Promise<{ held: bigint; behind: Behind | undefined }> {
    let behind: Behind | undefined;
    let lowest = view.head.sequence;
    for (const { deviceId } of await this.#devices.awaited(userId)) {
      const one = { userId, deviceId };
      const held = await this.#ofDevice(view, one);
      if (behind !== undefined && held >= lowest) continue;
      behind = one;
      lowest = held;
    }
    return { held: lowest, behind };
  }

  async #ofDevice({ threadId, members }: ThreadView, { userId, deviceId }: Behind): Promise<bigint> {
    const [held = 0n] = await this.#store.devicePositions(userId, deviceId, [threadId]);
    const join = members.get(userId)?.joinSequence ?? 0n;
    return held > join ? held : join;
  }
}
