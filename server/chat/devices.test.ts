import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ChatNode, callerOf, openChatNode, reasonOf } from '../../test/support/chat-node.ts';
import { Refusal } from '../core/errors.ts';
import { type DeviceId, type UserId, userLog } from '../core/ids.ts';
import type { Store } from '../store/store.ts';
import type { DeviceSaid } from './devices.ts';

const alice = 'alice' as UserId;
const phone = 'phone' as DeviceId;
const laptop = 'laptop' as DeviceId;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

let node: ChatNode;
let storeBehind = (store: Store): Store => store;
beforeEach(async () => {
  node = await openChatNode({ storeBehind: (store) => storeBehind(store) });
});
afterEach(async () => {
  storeBehind = (store) => store;
  await node[Symbol.asyncDispose]();
});

const said = (deviceId: DeviceId, more: Partial<DeviceSaid> = {}): DeviceSaid => ({
  ...{
    deviceId,
    platform: 'android',
    pushToken: 'token',
    locale: 'de',
    displayName: 'Pixel of Ann',
    keyBlob: Uint8Array.of(1),
  },
  ...more,
});
const listed = async (): Promise<string[]> => {
  const { devices } = await node.chat.devices.list(callerOf('alice'), { limit: 100, pageToken: '' });
  return devices.map(({ deviceId }) => deviceId);
};
/** What the user's log tells of devices. */
const told = async (): Promise<string[]> => {
  const entries = await node.store.entries(userLog(alice), { after: 0n, upTo: 1n << 40n, limit: 1_000 });
  return entries.map(({ change }) =>
    change.kind === 'device-changed' ? `${change.deviceId} ${change.removed ? 'removed' : 'here'}` : change.kind,
  );
};

test('a device is registered once, and told of again only when something changed', async () => {
  const { devices } = node.chat;
  const kept = await devices.register(callerOf('alice'), said(phone));
  expect(kept).toEqual({ ...said(phone), seenMs: node.clock.nowMs(), removed: false });
  await devices.register(callerOf('alice'), said(phone));
  // Another token of the same device is nobody's business.
  await devices.register(callerOf('alice'), said(phone, { pushToken: 'next' }));
  expect(await told()).toEqual(['phone here']);
  await devices.register(callerOf('alice'), said(phone, { pushToken: '' }));
  await devices.register(callerOf('alice'), said(phone, { pushToken: '', keyBlob: Uint8Array.of(2) }));
  expect(await told()).toEqual(['phone here', 'phone here', 'phone here']);
});

test('devices are listed by pages, the last seen first, without those that were removed', async () => {
  const { devices } = node.chat;
  for (const name of ['a', 'b', 'c', 'd']) {
    await devices.register(callerOf('alice'), said(name as DeviceId));
    node.clock.step(1_000);
  }
  await devices.remove(callerOf('alice'), 'b' as DeviceId);
  await devices.met('bob' as UserId, phone);
  const first = await devices.list(callerOf('alice'), { limit: 2, pageToken: '' });
  expect(first.devices.map(({ deviceId }) => deviceId)).toEqual(['d', 'c']);
  const second = await devices.list(callerOf('alice'), { limit: 2, pageToken: first.nextPageToken });
  expect(second.devices.map(({ deviceId }) => deviceId)).toEqual(['a']);
  expect(second.nextPageToken).toBe('');
  const ofAnother = devices.list(callerOf('bob'), { limit: 2, pageToken: first.nextPageToken });
  expect(await reasonOf(ofAnother)).toBe('INVALID_TOKEN');
});

test('a removed device is refused for good: its Hello, its registration, and calls that name it', async () => {
  const { devices } = node.chat;
  await devices.register(callerOf('alice'), said(phone));
  await devices.refuseRemoved(alice, phone);
  await devices.remove(callerOf('alice'), phone);
  await devices.remove(callerOf('alice'), phone);
  expect(await told()).toEqual(['phone here', 'phone removed']);
  expect(await reasonOf(devices.met(alice, phone))).toBe('SIGNED_OUT');
  expect(await reasonOf(devices.register(callerOf('alice'), said(phone)))).toBe('SIGNED_OUT');
  expect(await reasonOf(devices.refuseRemoved(alice, phone))).toBe('SIGNED_OUT');
  await devices.refuseRemoved('bob' as UserId, phone);
  expect((await node.store.device(alice, phone))?.pushToken).toBe('');
  expect(await reasonOf(devices.remove(callerOf('alice'), laptop))).toBe('DEVICE_NOT_FOUND');
});

test('what removed a device and came no further is brought to its end by the next call', async () => {
  await node.chat.devices.met(alice, phone);
  await node.store.removeDevice(alice, phone);
  await node.chat.devices.remove(callerOf('alice'), phone);
  expect(await told()).toEqual(['phone removed']);
});

test('a call of a device that was removed on another node is refused after ten seconds at most', async () => {
  const { devices } = node.chat;
  await devices.met(alice, phone);
  await devices.refuseRemoved(alice, phone);
  await node.store.removeDevice(alice, phone);
  await devices.refuseRemoved(alice, phone);
  node.clock.step(10_000);
  expect(await reasonOf(devices.refuseRemoved(alice, phone))).toBe('SIGNED_OUT');
});

test('a device is known from its first Hello, keeps what it registered, and is seen at most once an hour', async () => {
  const writes: string[] = [];
  storeBehind = (store) =>
    new Proxy(store, {
      get(target, name) {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== 'function') return value;
        if (name === 'putDevice' || name === 'seenDevice') writes.push(name);
        return value.bind(target) as unknown;
      },
    });
  await node[Symbol.asyncDispose]();
  node = await openChatNode({ storeBehind: (store) => storeBehind(store) });
  const { devices } = node.chat;
  await devices.met(alice, phone);
  expect(await node.store.device(alice, phone)).toMatchObject({ platform: 'unspecified', pushToken: '' });
  await devices.register(callerOf('alice'), said(phone));
  const startMs = node.clock.nowMs();
  node.clock.step(hourMs - 1);
  await devices.met(alice, phone);
  expect(writes).toEqual(['putDevice', 'putDevice']);
  node.clock.step(1);
  await devices.met(alice, phone);
  expect(writes).toEqual(['putDevice', 'putDevice', 'seenDevice']);
  await expect.poll(async () => (await node.store.device(alice, phone))?.seenMs).toBe(startMs + hourMs);
  expect((await node.store.device(alice, phone))?.locale).toBe('de');
});

test('a device that was not seen for thirty days counts no more until it is seen', async () => {
  const { devices } = node.chat;
  const active = async (): Promise<string[]> => (await devices.active(alice)).map(({ deviceId }) => deviceId);
  await devices.met(alice, phone);
  node.clock.step(dayMs);
  await devices.met(alice, laptop);
  expect(await active()).toEqual(['laptop', 'phone']);
  node.clock.step(29 * dayMs);
  expect(await active()).toEqual(['laptop']);
  expect(await listed()).toEqual(['laptop', 'phone']);
  await devices.register(callerOf('alice'), said(phone));
  expect(await active()).toEqual(['laptop', 'phone']);
  await devices.remove(callerOf('alice'), laptop);
  expect(await active()).toEqual(['phone']);
});

test('a device that says Hello after it expired counts before it is let in', async () => {
  const { devices } = node.chat;
  await devices.met(alice, phone);
  node.clock.step(31 * dayMs);
  expect(await devices.active(alice)).toEqual([]);
  await devices.met(alice, phone);
  expect((await devices.active(alice)).map(({ deviceId }) => deviceId)).toEqual(['phone']);
});

test('a device that makes calls and never says Hello is seen by these', async () => {
  const { devices } = node.chat;
  await devices.register(callerOf('alice'), said(phone));
  for (let days = 0; days < 40; days++) {
    node.clock.step(dayMs);
    await devices.refuseRemoved(alice, phone);
  }
  expect((await devices.active(alice)).map(({ deviceId }) => deviceId)).toEqual(['phone']);
});

test('of more than a hundred devices the one not seen for longest is forgotten, and may come again', async () => {
  const { devices } = node.chat;
  for (let at = 0; at < 100; at++) {
    await devices.met(alice, `d${at}` as DeviceId);
    node.clock.step(1_000);
  }
  await devices.remove(callerOf('alice'), 'd50' as DeviceId);
  await devices.met(alice, phone);
  expect(await listed()).toContain('d0');
  await devices.met(alice, laptop);
  expect(await listed()).not.toContain('d0');
  expect(await listed()).toHaveLength(100);
  await devices.met(alice, 'd0' as DeviceId);
  expect(await listed()).not.toContain('d1');
});

test('a store that takes no writes keeps no device out', async () => {
  storeBehind = (store) =>
    new Proxy(store, {
      get(target, name) {
        const value = Reflect.get(target, name, target) as unknown;
        if (name === 'putDevice') return () => Promise.reject(new Refusal('STORE_UNAVAILABLE', 'full'));
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  await node[Symbol.asyncDispose]();
  node = await openChatNode({ storeBehind: (store) => storeBehind(store) });
  await node.chat.devices.met(alice, phone);
  expect(await listed()).toEqual([]);
});
