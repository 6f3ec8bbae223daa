// Devices in the simulated database: each method is one write or read of it.
import type { DeviceId, UserId } from '../../server/core/ids.ts';
import { type DeviceRecord, removedDevice } from '../../server/store/store.ts';

export class DeviceTable {
  readonly #users = new Map<UserId, Map<DeviceId, DeviceRecord>>();

  list(user: UserId): DeviceRecord[] {
    return [...this.#of(user).values()].toSorted((a, b) => (a.deviceId < b.deviceId ? -1 : 1));
  }

  one(user: UserId, device: DeviceId): DeviceRecord | undefined {
    return this.#of(user).get(device);
  }

  put(user: UserId, said: Omit<DeviceRecord, 'removed'>): boolean {
    const before = this.one(user, said.deviceId);
    if (before?.removed === true) return false;
    for (const devices of this.#users.values()) {
      for (const [id, other] of devices) {
        if (said.pushToken !== '' && other.pushToken === said.pushToken) devices.set(id, { ...other, pushToken: '' });
      }
    }
    const seenMs = Math.max(said.seenMs, before?.seenMs ?? 0);
    this.#of(user).set(said.deviceId, { ...said, seenMs, removed: false });
    return true;
  }

  remove(user: UserId, device: DeviceId): void {
    this.#of(user).set(device, removedDevice(device));
  }

  forget(user: UserId, device: DeviceId): void {
    if (this.one(user, device)?.removed === false) this.#of(user).delete(device);
  }

  dropPushToken(user: UserId, device: DeviceId, pushToken: string): void {
    const before = this.one(user, device);
    if (before?.pushToken === pushToken) this.#of(user).set(device, { ...before, pushToken: '' });
  }

  seen(user: UserId, device: DeviceId, atMs: number): void {
    const before = this.one(user, device);
    if (before?.removed === false && before.seenMs < atMs) this.#of(user).set(device, { ...before, seenMs: atMs });
  }

  #of(user: UserId): Map<DeviceId, DeviceRecord> {
    let devices = this.#users.get(user);
    if (devices === undefined) this.#users.set(user, (devices = new Map()));
    return devices;
  }
}
