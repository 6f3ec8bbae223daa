import type { Clock } from '../core/clock.ts';
import { Refusal } from '../core/errors.ts';
import { type DeviceId, noDevice, type UserId, userLog } from '../core/ids.ts';
import { Lru } from '../core/lru.ts';
import { type DeviceRow, rowKey } from '../core/rows.ts';
import { signedOut } from '../delivery/ends.ts';
import type { DeviceRecord, Store } from '../store/store.ts';
import type { Appender } from './appender.ts';
import type { Caller } from './caller.ts';
import { compareIds } from './order.ts';
import type { PageTokens } from './page-token.ts';

/** Devices of a user that were not removed; of more, the one not seen for longest is forgotten. */
const mostDevices = 100;
/** What is kept of when a device was seen is at most this old. */
export const seenEveryMs = 3_600_000;
/** How long a call that names a device is believed without a look that it was not removed on another node. */
export const believedMs = 10_000;
const dayMs = 86_400_000;

/** What a device says of itself. */
export type DeviceSaid = Pick<
  DeviceRecord,
  'deviceId' | 'platform' | 'pushToken' | 'locale' | 'displayName' | 'keyBlob'
>;

export interface DevicesOptions {
  readonly store: Store;
  readonly appender: Appender;
  readonly tokens: PageTokens;
  readonly clock: Clock;
  /** Days after which a device that was not seen counts no more. */
  readonly expiryDays: number;
  /** Devices of which it is remembered whether they were removed. */
  readonly remembered: number;
  /** A device of theirs is not waited for any more. */
  readonly onRemoved: (userId: UserId) => void;
}

/** Which devices users have: who counts for "delivered", for erasure and for notifications. */
export class Devices {
  readonly #options: DevicesOptions;
  /** Wall ms until which a device is believed to be there; 0 = it was removed, which is for good. */
  readonly #known: Lru<string, number>;

  constructor(options: DevicesOptions) {
    this.#options = options;
    this.#known = new Lru(options.remembered);
  }

  /** Registers or refreshes a device of the caller's. All devices hear of it where something changed. @throws Refusal SIGNED_OUT */
  async register(caller: Caller, said: DeviceSaid): Promise<DeviceRecord> {
    const { store, clock } = this.#options;
    const { userId } = caller;
    const before = await store.device(userId, said.deviceId, caller.signal);
    if (before?.removed === true) throw this.#signedOut(userId, said.deviceId);
    if (before === undefined) await this.#makeRoom(userId);
    const seenMs = Math.max(Math.floor(clock.nowMs()), before?.seenMs ?? 0);
    const put = { ...said, seenMs };
    if (!(await store.putDevice(userId, put))) throw this.#signedOut(userId, said.deviceId);
    if (before === undefined || !saysTheSame(before, said)) await this.#tell(caller, said.deviceId, false);
    return { ...put, removed: false };
  }

  /** The caller's devices that were not removed, the last seen first. @throws Refusal INVALID_TOKEN */
  async list(
    caller: Caller,
    request: { readonly limit: number; readonly pageToken: string },
  ): Promise<{ readonly devices: readonly DeviceRecord[]; readonly nextPageToken: string }> {
    const { store, tokens } = this.#options;
    const scope = ['ListDevices', caller.userId];
    const [seenMs, deviceId] = tokens.read(scope, request.pageToken, 2) ?? [];
    const place = seenMs === undefined ? undefined : { seenMs: Number(seenMs), deviceId: deviceId as DeviceId };
    const all = (await store.devices(caller.userId, caller.signal)).filter(({ removed }) => !removed);
    const rest = all.toSorted(byLastSeen).filter((one) => place === undefined || byLastSeen(place, one) < 0);
    const devices = rest.slice(0, request.limit);
    const last = devices.at(-1);
    if (last === undefined || devices.length === rest.length) return { devices, nextPageToken: '' };
    return { devices, nextPageToken: tokens.make(scope, [String(last.seenMs), last.deviceId]) };
  }

  /**
   * Signs a device of the caller's out: its token and keys are wiped, then its session is told by the user's log, wherever it is.
   * @throws Refusal DEVICE_NOT_FOUND
   */
  async remove(caller: Caller, deviceId: DeviceId): Promise<void> {
    const { store } = this.#options;
    const { userId } = caller;
    const before = await store.device(userId, deviceId, caller.signal);
    if (before === undefined) throw new Refusal('DEVICE_NOT_FOUND', 'no device of yours has this id');
    if (!before.removed) {
      await store.removeDevice(userId, deviceId);
      this.#options.onRemoved(userId);
    }
    this.#known.set(keyOf(userId, deviceId), 0);
    // Also where an earlier call removed it and came no further.
    await this.#tell(caller, deviceId, true);
  }

  /**
   * A device says Hello, or has been connected for another hour: it is known from now on, and seen. Costs a read; a write when it is new, or
   * seen for the first time in an hour. So what could not be written at its Hello, or was not heard of its removal, is made good within an
   * hour. @throws Refusal SIGNED_OUT
   */
  async met(userId: UserId, deviceId: DeviceId): Promise<void> {
    const { store, clock } = this.#options;
    const record = await store.device(userId, deviceId);
    if (record?.removed === true) throw this.#signedOut(userId, deviceId);
    const nowMs = Math.floor(clock.nowMs());
    if (record !== undefined) return this.#seen(userId, record);
    const said = {
      platform: 'unspecified',
      pushToken: '',
      locale: '',
      displayName: '',
      keyBlob: new Uint8Array(0),
    } as const;
    try {
      await this.#makeRoom(userId);
      if (await store.putDevice(userId, { deviceId, ...said, seenMs: nowMs })) return;
    } catch (error) {
      // A store that takes no writes is no reason to be without what can be read: it is known an hour later.
      if (isUnavailable(error)) return;
      throw error;
    }
    throw this.#signedOut(userId, deviceId);
  }

  /** A device is there. Written about once an hour; waited for only where it counts again from now on. */
  async #seen(userId: UserId, record: DeviceRecord): Promise<void> {
    const { store, clock } = this.#options;
    const nowMs = Math.floor(clock.nowMs());
    if (nowMs - record.seenMs < seenEveryMs) return;
    const writing = store.seenDevice(userId, record.deviceId, nowMs).catch((error: unknown) => {
      // What cannot be written is written an hour later.
      if (!isUnavailable(error)) throw error;
    });
    if (this.isActive(record)) writing.catch(() => undefined);
    else await writing;
  }

  /**
   * Refuses a call that names a device which was removed: at once on this node, after ten seconds at most on others. Who calls is seen: a device
   * may never say Hello. @throws Refusal SIGNED_OUT
   */
  async refuseRemoved(userId: UserId, deviceId: DeviceId): Promise<void> {
    if (deviceId === noDevice) return;
    const { store, clock } = this.#options;
    const key = keyOf(userId, deviceId);
    const until = this.#known.get(key);
    if (until !== undefined && until > clock.nowMs()) return;
    const record = until === 0 ? undefined : await store.device(userId, deviceId);
    if (until === 0 || record?.removed === true) throw this.#signedOut(userId, deviceId);
    if (record !== undefined) await this.#seen(userId, record);
    // Removed here amid the look: that holds.
    if (this.#known.get(key) !== 0) this.#known.set(key, clock.nowMs() + believedMs);
  }

  /** Those that count, in order of ids: not removed, and seen within the expiry. What they acknowledged before they stopped to count stays so. */
  async active(userId: UserId): Promise<readonly DeviceRecord[]> {
    return (await this.#options.store.devices(userId)).filter((record) => this.isActive(record));
  }

  /** See `AwaitedDevices`. A thread works with a user who was never seen before, and waits for them. */
  async awaited(userId: UserId): Promise<readonly Pick<DeviceRecord, 'deviceId'>[]> {
    const all = await this.#options.store.devices(userId);
    return all.length === 0 ? [{ deviceId: noDevice }] : all.filter((record) => this.isActive(record));
  }

  isActive({ removed, seenMs }: DeviceRecord): boolean {
    const { clock, expiryDays } = this.#options;
    return !removed && clock.nowMs() - seenMs < expiryDays * dayMs;
  }

  /** For one more device. */
  async #makeRoom(userId: UserId): Promise<void> {
    const { store } = this.#options;
    const there = (await store.devices(userId)).filter(({ removed }) => !removed);
    for (const { deviceId } of there.toSorted(byLastSeen).slice(mostDevices - 1)) {
      await store.forgetDevice(userId, deviceId);
    }
  }

  async #tell({ userId, deviceId: from }: Caller, deviceId: DeviceId, removed: boolean): Promise<void> {
    const { store, appender } = this.#options;
    await appender.appendUser(userId, async () => {
      const row = removed ? await store.row(userLog(userId), rowKey.device(deviceId)) : undefined;
      if ((row?.value as DeviceRow | undefined)?.removed === true) return [];
      const change = { kind: 'device-changed', deviceId, removed } as const;
      return [{ senderId: userId, deviceId: from, clientMessageId: '', fingerprint: '', change }];
    });
  }

  #signedOut(userId: UserId, deviceId: DeviceId): Refusal {
    this.#known.set(keyOf(userId, deviceId), 0);
    return signedOut();
  }
}

function keyOf(userId: UserId, deviceId: DeviceId): string {
  return `${deviceId} ${userId}`;
}

function byLastSeen(
  a: Pick<DeviceRecord, 'seenMs' | 'deviceId'>,
  b: Pick<DeviceRecord, 'seenMs' | 'deviceId'>,
): number {
  return b.seenMs - a.seenMs || compareIds(a.deviceId, b.deviceId);
}

function isUnavailable(error: unknown): boolean {
  return error instanceof Refusal && error.reason === 'STORE_UNAVAILABLE';
}

/** As far as other devices are told. */
function saysTheSame(before: DeviceSaid, said: DeviceSaid): boolean {
  return (
    before.platform === said.platform &&
    before.locale === said.locale &&
    before.displayName === said.displayName &&
    (before.pushToken === '') === (said.pushToken === '') &&
    Buffer.from(before.keyBlob).equals(said.keyBlob)
  );
}
