import { afterEach, beforeEach, expect, test } from 'vitest';
import { callerOf } from '../../test/support/chat-node.ts';
import { type Device, type DeliveryNode, openDeliveryNode } from '../../test/support/delivery-node.ts';
import { HandClock } from '../../test/support/clock.ts';
import { newTemporaryStore, type TemporaryStore } from '../../test/support/temporary-store.ts';
import { MemoryBus } from '../bus/memory.ts';
import type { DeviceId, UserId } from '../core/ids.ts';
import { MemoryRegistry } from '../presence/memory.ts';
import { StreamFrames } from './stream-frames.ts';

const alice = 'alice' as UserId;
const phone = 'phone' as DeviceId;
const minuteMs = 60_000;

let clock: HandClock;
let place: TemporaryStore;
let registry: MemoryRegistry;
let node: DeliveryNode;

beforeEach(async () => {
  clock = new HandClock();
  place = await newTemporaryStore({ clock });
  const { store } = place;
  const bus = new MemoryBus();
  registry = new MemoryRegistry({ clock, bus, store });
  node = await openDeliveryNode({ shared: { clock, store, bus, registry } });
});
afterEach(async () => {
  await node[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

/** A session, and what beats for it every half minute for so long. */
async function connected(): Promise<{ device: Device; beat: (forMs: number) => void }> {
  const device = await node.live('alice', 'phone');
  const { limits } = node;
  const { sendMessage, channels, devices } = node.chat;
  const services = {
    ...{ sendMessage, channels, devices, limits },
    verify: () => Promise.reject(new Error('not asked')),
    report: () => '',
    observeFrame: () => undefined,
  };
  const frames = new StreamFrames(device.session, callerOf('alice'), services, 8, { request: '' });
  const beat = (forMs: number): void => {
    for (let ms = 0; ms < forMs; ms += minuteMs / 2) {
      clock.turn(minuteMs / 2);
      frames.take({ requestId: 0n, frame: { $case: 'heartbeat', value: { foreground: true } } });
    }
  };
  return { device, beat };
}

test('a session whose device could not be written at its Hello is of a known device within an hour', async () => {
  const { device, beat } = await connected();
  expect(await node.store.device(alice, phone)).toBeUndefined();
  beat(60 * minuteMs);
  await expect.poll(async () => (await node.store.device(alice, phone))?.removed).toBe(false);
  expect(device.ended).toBeUndefined();
});

test('a session of a device that was removed and never heard of it ends within an hour', async () => {
  await node.chat.devices.met(alice, phone);
  const { device, beat } = await connected();
  // As by a node that was killed before it could tell.
  await node.store.removeDevice(alice, phone);
  beat(59 * minuteMs);
  expect(device.ended).toBeUndefined();
  beat(minuteMs);
  await device.until(() => device.ended !== undefined);
  expect(device.ended?.goodbye).toMatchObject({ reason: 'signed-out', reconnect: false });
  expect(device.ended?.refusal?.reason).toBe('SIGNED_OUT');
});
