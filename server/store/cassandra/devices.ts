import type { DeviceId, UserId } from '../../core/ids.ts';
import { type DevicePlatform, type DeviceRecord, removedDevice } from '../store.ts';
import { type Cluster, type Params, type Row, UnknownOutcome, type Verdict } from './cluster.ts';
import { unavailable } from './failures.ts';
import { inParallel } from './parallel.ts';

export const deviceColumns = 'device, platform, push_token, locale, display_name, key_blob, seen_ms, removed';
const readAll = `SELECT ${deviceColumns} FROM devices WHERE user = ?`;
const readOne = `SELECT ${deviceColumns} FROM devices WHERE user = ? AND device = ?`;
const at = 'WHERE user = ? AND device = ?';
const all = 'SET platform = ?, push_token = ?, locale = ?, display_name = ?, key_blob = ?, seen_ms = ?';
const put = `UPDATE devices ${all} ${at} IF removed = null AND push_token = ? AND seen_ms = ?`;
const wipe = `UPDATE devices ${all}, removed = true ${at} IF removed = null AND push_token = ?`;
const forget = `DELETE FROM devices ${at} IF removed = null AND push_token = ?`;
const dropToken = `UPDATE devices SET push_token = '' ${at} IF push_token = ?`;
const raiseSeen = `UPDATE devices SET seen_ms = ? ${at} IF removed = null AND seen_ms < ?`;
const readOwner = 'SELECT user, device FROM push_tokens WHERE push_token = ?';
const makeOwner = 'INSERT INTO push_tokens (push_token, user, device) VALUES (?, ?, ?) IF NOT EXISTS';
const changeOwner = 'UPDATE push_tokens SET user = ?, device = ? WHERE push_token = ? IF user = ? AND device = ?';
const removeOwner = 'DELETE FROM push_tokens WHERE push_token = ? IF user = ? AND device = ?';
// What is restored is older than whatever is written by a ballot later.
const restoreDevice =
  'INSERT INTO devices (user, device, platform, push_token, locale, display_name, key_blob, seen_ms, removed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP 1';
const restoreOwner = 'INSERT INTO push_tokens (push_token, user, device) VALUES (?, ?, ?) USING TIMESTAMP 1';
const maxTries = 16;
const restoresAtOnce = 8;

/**
 * Devices of users, by conditional writes to one row at a time. A token's row goes before the device lets go of the token, which it does only if
 * that is still its token: whoever dies in between leaves a device to be removed or put again, never a token's row that nobody knows of.
 */
export class Devices {
  readonly #cluster: Cluster;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async list(user: UserId, signal?: AbortSignal): Promise<DeviceRecord[]> {
    return (await this.#cluster.readAll(readAll, [user], signal)).map(deviceOf);
  }

  async one(user: UserId, device: DeviceId, signal?: AbortSignal): Promise<DeviceRecord | undefined> {
    const [row] = await this.#cluster.read(readOne, [user, device], signal);
    return row === undefined ? undefined : deviceOf(row);
  }

  /**
   * The token's row says whose it is; it is claimed before the device has it, and looked at again after: who finds that another has claimed it
   * meanwhile gives it up again.
   */
  async put(user: UserId, said: Omit<DeviceRecord, 'removed'>): Promise<boolean> {
    const { deviceId, pushToken } = said;
    const [before] = await this.#cluster.readSerial(readOne, [user, deviceId]);
    if (before?.['removed'] === true) return false;
    if (pushToken !== '') await this.#claim(pushToken, user, deviceId);
    if (!(await this.#write(user, said, before))) {
      await this.#disown(pushToken, user, deviceId);
      return false;
    }
    if (pushToken === '') return true;
    const [owner] = await this.#cluster.readSerial(readOwner, [pushToken]);
    const isOwn = owner?.['user'] === user && owner['device'] === deviceId;
    if (!isOwn) await this.#decide(dropToken, [user, deviceId, pushToken]);
    return true;
  }

  async remove(user: UserId, device: DeviceId): Promise<void> {
    await this.#letGo(user, device, wipe, valuesOf(removedDevice(device)));
  }

  async forget(user: UserId, device: DeviceId): Promise<void> {
    const [before] = await this.#cluster.readSerial(readOne, [user, device]);
    if (before !== undefined) await this.#letGo(user, device, forget, []);
  }

  async dropPushToken(user: UserId, device: DeviceId, pushToken: string): Promise<void> {
    if (pushToken === '') return;
    await this.#disown(pushToken, user, device);
    await this.#decide(dropToken, [user, device, pushToken]);
  }

  async seen(user: UserId, device: DeviceId, atMs: number): Promise<void> {
    const ms = BigInt(Math.floor(atMs));
    await this.#decide(raiseSeen, [ms, user, device, ms]);
  }

  async restore(records: readonly (DeviceRecord & { readonly userId: UserId })[]): Promise<void> {
    await inParallel(records, restoresAtOnce, async (record) => {
      const { userId, deviceId, pushToken, removed } = record;
      await this.#cluster.write(restoreDevice, [userId, deviceId, ...valuesOf(record), removed || undefined]);
      if (pushToken !== '') await this.#cluster.write(restoreOwner, [pushToken, userId, deviceId]);
    });
  }

  /** False: it was removed. */
  async #write(user: UserId, said: Omit<DeviceRecord, 'removed'>, before: Row | undefined): Promise<boolean> {
    let row = before;
    for (let tries = 0; tries < maxTries; tries++) {
      const keptMs = (row?.['seen_ms'] ?? null) as bigint | null;
      const former = tokenOf(row);
      if (former !== null && former !== said.pushToken) await this.#disown(former, user, said.deviceId);
      const seenMs = Math.max(said.seenMs, Number(keptMs ?? 0n));
      const values = [...valuesOf({ ...said, seenMs }), user, said.deviceId, former, keptMs];
      const verdict = await this.#decide(put, values);
      if (verdict.applied) return true;
      [row] = verdict.rows;
      if (row?.['removed'] === true) return false;
      // It was heard of, or put, meanwhile.
    }
    throw unavailable(new Error(`device ${said.deviceId} is being put by too many at once`));
  }

  /** Wipes or drops a device that was not removed, and before that the row of its token. */
  async #letGo(user: UserId, device: DeviceId, query: string, values: Params): Promise<void> {
    for (let tries = 0; tries < maxTries; tries++) {
      const [row] = await this.#cluster.readSerial(readOne, [user, device]);
      if (row?.['removed'] === true) return;
      const token = tokenOf(row);
      if (token !== null) await this.#disown(token, user, device);
      if ((await this.#decide(query, [...values, user, device, token])).applied) return;
    }
    throw unavailable(new Error(`device ${device} is being put by too many at once`));
  }

  async #claim(token: string, user: UserId, device: DeviceId): Promise<void> {
    for (let tries = 0; tries < maxTries; tries++) {
      const [owner] = await this.#cluster.readSerial(readOwner, [token]);
      if (owner === undefined) {
        if ((await this.#decide(makeOwner, [token, user, device])).applied) return;
        continue;
      }
      const [fromUser, fromDevice] = [owner['user'], owner['device']];
      if (fromUser === user && fromDevice === device) return;
      await this.#decide(dropToken, [fromUser, fromDevice, token]);
      if ((await this.#decide(changeOwner, [user, device, token, fromUser, fromDevice])).applied) return;
    }
    throw unavailable(new Error('a push token is being claimed by too many at once'));
  }

  async #disown(token: string, user: UserId, device: DeviceId): Promise<void> {
    if (token !== '') await this.#decide(removeOwner, [token, user, device]);
  }

  /** Each of these writes may be made twice: a second one finds what the first came to. */
  async #decide(query: string, params: Params): Promise<Verdict> {
    let cause: unknown;
    for (let tries = 0; tries < maxTries; tries++) {
      try {
        return await this.#cluster.conditional([{ query, params }]);
      } catch (error) {
        if (!(error instanceof UnknownOutcome)) throw error;
        cause = error;
      }
    }
    throw unavailable(cause);
  }
}

/** Null where there is no device. */
function tokenOf(row: Row | undefined): string | null {
  return (row?.['push_token'] ?? null) as string | null;
}

/** In the order of `SET`; what is wiped is empty, not null. */
function valuesOf(record: Omit<DeviceRecord, 'removed'>): unknown[] {
  const { platform, pushToken, locale, displayName, keyBlob, seenMs } = record;
  return [platform, pushToken, locale, displayName, Buffer.from(keyBlob), BigInt(Math.floor(seenMs))];
}

export function deviceOf(row: Row): DeviceRecord {
  const deviceId = row['device'] as DeviceId;
  if (row['removed'] === true) return removedDevice(deviceId);
  return {
    deviceId,
    platform: row['platform'] as DevicePlatform,
    pushToken: row['push_token'] as string,
    locale: row['locale'] as string,
    // Null where an older release wrote it.
    displayName: (row['display_name'] ?? '') as string,
    keyBlob: Uint8Array.from(row['key_blob'] as Buffer),
    seenMs: Number(row['seen_ms'] as bigint),
    removed: false,
  };
}
