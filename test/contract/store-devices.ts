import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { DeviceId, UserId } from '../../server/core/ids.ts';
import { type DeviceRecord, removedDevice } from '../../server/store/store.ts';
import { laptop, newUser, nowMs, phone } from './samples.ts';
import type { UnderTest } from './store.ts';

const tablet = 'tablet' as DeviceId;

function said(deviceId: DeviceId, more: Partial<DeviceRecord> = {}): Omit<DeviceRecord, 'removed'> {
  const platform = 'android';
  return {
    deviceId,
    platform,
    pushToken: '',
    locale: 'zh-Hant-TW',
    displayName: '小明的手机',
    keyBlob: Uint8Array.of(),
    seenMs: nowMs,
    ...more,
  };
}

function kept(deviceId: DeviceId, more: Partial<DeviceRecord> = {}): DeviceRecord {
  return { ...said(deviceId, more), removed: false };
}

export function devices({ store, reopen }: UnderTest): void {
  test('a device is kept as it was last put, whole, and listed in order of ids', async () => {
    const [user, other] = [newUser(), newUser('other')];
    const keyBlob = new Uint8Array(16 * 1024).fill(7);
    const pushToken = `${randomUUID()}/${'é'.repeat(2_000)}`;
    expect(await store().putDevice(user, said(phone, { pushToken, keyBlob }))).toBe(true);
    expect(await store().putDevice(user, said(laptop, { platform: 'web', locale: '' }))).toBe(true);
    await store().putDevice(other, said(tablet));
    expect(await store().devices(user)).toEqual([
      kept(laptop, { platform: 'web', locale: '' }),
      kept(phone, { pushToken, keyBlob }),
    ]);
    await store().putDevice(user, said(phone, { platform: 'desktop' }));
    expect(await store().device(user, phone)).toEqual(kept(phone, { platform: 'desktop' }));
    const later = await reopen();
    expect(await later.devices(user)).toEqual([
      kept(laptop, { platform: 'web', locale: '' }),
      kept(phone, { platform: 'desktop' }),
    ]);
    expect(await later.device(user, tablet)).toBeUndefined();
    expect(await later.devices(newUser('nobody'))).toEqual([]);
  });

  test('when a device was seen only grows, by being seen and by being put', async () => {
    const user = newUser();
    await store().seenDevice(user, phone, 10);
    expect(await store().device(user, phone)).toBeUndefined();
    await store().putDevice(user, said(phone, { seenMs: 500 }));
    await store().seenDevice(user, phone, 400);
    expect((await store().device(user, phone))?.seenMs).toBe(500);
    await store().seenDevice(user, phone, 600);
    await store().putDevice(user, said(phone, { seenMs: 550, locale: 'de' }));
    expect(await store().device(user, phone)).toEqual(kept(phone, { seenMs: 600, locale: 'de' }));
  });

  test('a removed device is wiped but for its id, and stays removed whatever is put or seen', async () => {
    const user = newUser();
    const pushToken = randomUUID();
    await store().putDevice(user, said(phone, { pushToken, keyBlob: Uint8Array.of(1) }));
    await store().removeDevice(user, phone);
    await store().removeDevice(user, phone);
    await store().removeDevice(user, tablet);
    const gone = [removedDevice(phone), removedDevice(tablet)];
    expect(await store().devices(user)).toEqual(gone);
    expect(await store().putDevice(user, said(phone, { pushToken }))).toBe(false);
    expect(await store().putDevice(user, said(tablet))).toBe(false);
    await store().seenDevice(user, phone, nowMs + 1);
    await store().forgetDevice(user, phone);
    await store().dropPushToken(user, phone, pushToken);
    expect(await store().devices(user)).toEqual(gone);
    const later = await reopen();
    expect(await later.devices(user)).toEqual(gone);
    expect(await later.putDevice(user, said(phone))).toBe(false);
  });

  test('a removal holds over every put that races it', async () => {
    const user = newUser();
    const ids = Array.from({ length: 8 }, (_, at) => `device-${at}` as DeviceId);
    for (const id of ids) await store().putDevice(user, said(id));
    await Promise.all(
      ids.flatMap((id) => [
        store().putDevice(user, said(id, { locale: 'fr' })),
        store().removeDevice(user, id),
        store().seenDevice(user, id, nowMs + 5),
        store().putDevice(user, said(id, { locale: 'it' })),
      ]),
    );
    expect(await store().devices(user)).toEqual(ids.map(removedDevice));
  });

  test('a device that was forgotten is unknown, and may come again', async () => {
    const user = newUser();
    const pushToken = randomUUID();
    await store().putDevice(user, said(phone, { pushToken }));
    await store().forgetDevice(user, phone);
    await store().forgetDevice(user, tablet);
    expect(await store().devices(user)).toEqual([]);
    expect(await store().putDevice(user, said(laptop, { pushToken }))).toBe(true);
    expect(await store().putDevice(user, said(phone, { seenMs: 3 }))).toBe(true);
    expect(await store().devices(user)).toEqual([kept(laptop, { pushToken }), kept(phone, { seenMs: 3 })]);
  });

  test('a push token is taken from the device that had it, of whichever user, and from no other', async () => {
    const [user, other] = [newUser(), newUser('other')];
    const [moved, stays] = [randomUUID(), randomUUID()];
    await store().putDevice(user, said(phone, { pushToken: moved }));
    await store().putDevice(user, said(laptop, { pushToken: stays }));
    await store().putDevice(user, said(tablet, { pushToken: moved }));
    expect((await store().devices(user)).map((one) => one.pushToken)).toEqual([stays, '', moved]);
    await store().putDevice(other, said(phone, { pushToken: moved }));
    expect((await store().devices(user)).map((one) => one.pushToken)).toEqual([stays, '', '']);
    expect((await store().device(other, phone))?.pushToken).toBe(moved);
    // Given up by its owner, it is nobody's: whoever gives it up later takes it from nobody.
    await store().putDevice(other, said(phone));
    await store().putDevice(user, said(phone, { pushToken: moved }));
    await store().putDevice(other, said(phone));
    await store().removeDevice(other, phone);
    expect((await store().device(user, phone))?.pushToken).toBe(moved);
  });

  test('of several that put one push token at once exactly one has it in the end', async () => {
    const pushToken = randomUUID();
    const users = Array.from({ length: 6 }, (_, at) => newUser(`user-${at}`));
    await Promise.all(users.map((user) => store().putDevice(user, said(phone, { pushToken }))));
    const tokens = async (): Promise<(string | undefined)[]> =>
      Promise.all(users.map(async (user) => (await store().device(user, phone))?.pushToken));
    expect((await tokens()).filter((one) => one !== '')).toEqual([pushToken]);
    await store().putDevice(users[0] as UserId, said(phone, { pushToken }));
    expect(await tokens()).toEqual([pushToken, '', '', '', '', '']);
  });

  test('a push token that is dead is forgotten only where it is still the same', async () => {
    const user = newUser();
    const [old, fresh] = [randomUUID(), randomUUID()];
    await store().putDevice(user, said(phone, { pushToken: old }));
    await store().putDevice(user, said(phone, { pushToken: fresh }));
    await store().dropPushToken(user, phone, old);
    expect((await store().device(user, phone))?.pushToken).toBe(fresh);
    await store().dropPushToken(user, phone, fresh);
    await store().dropPushToken(user, tablet, fresh);
    expect(await store().devices(user)).toEqual([kept(phone)]);
    await store().putDevice(user, said(laptop, { pushToken: fresh }));
    expect((await (await reopen()).devices(user)).map((one) => one.pushToken)).toEqual([fresh, '']);
  });
}
