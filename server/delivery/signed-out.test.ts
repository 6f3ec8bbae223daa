import { afterEach, beforeEach, expect, test } from 'vitest';
import { callerOf, type ChatNode, openChatNode } from '../../test/support/chat-node.ts';
import { HandClock } from '../../test/support/clock.ts';
import { type DeliveryNode, openDeliveryNode } from '../../test/support/delivery-node.ts';
import { newTemporaryStore, type TemporaryStore } from '../../test/support/temporary-store.ts';
import { MemoryBus } from '../bus/memory.ts';
import type { DeviceId, UserId } from '../core/ids.ts';
import { MemoryRegistry } from '../presence/memory.ts';
import { HeadCheck } from './head-check.ts';

const alice = 'alice' as UserId;
const phone = 'phone' as DeviceId;

let clock: HandClock;
let place: TemporaryStore;
let registry: MemoryRegistry;
let bus: MemoryBus;
/** Where the device is connected. */
let node: DeliveryNode;
let heads: HeadCheck;
/** Another node, of which nothing is heard: the bus between the two is cut. */
let unheard: ChatNode;

beforeEach(async () => {
  clock = new HandClock();
  place = await newTemporaryStore({ clock });
  const { store } = place;
  bus = new MemoryBus();
  registry = new MemoryRegistry({ clock, bus, store });
  node = await openDeliveryNode({ shared: { clock, store, bus, registry } });
  unheard = await openChatNode({ shared: { clock, store, bus: new MemoryBus(), registry } });
  heads = new HeadCheck({ bus, hub: node.hub, store, registry, clock });
  await node.chat.devices.met(alice, phone);
});
afterEach(async () => {
  heads[Symbol.dispose]();
  await unheard[Symbol.asyncDispose]();
  await node[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await place[Symbol.asyncDispose]();
});

test('a device that is removed loses its session at once, and its other devices hear of it', async () => {
  const device = await node.live('alice', 'phone');
  const other = await node.live('alice', 'laptop');
  const ofAnother = await node.live('bob', 'phone');
  await node.chat.devices.remove(callerOf('alice'), phone);
  await device.until(() => device.ended !== undefined);
  expect(device.ended?.goodbye).toMatchObject({ reason: 'signed-out', reconnect: false });
  expect(device.ended?.refusal?.reason).toBe('SIGNED_OUT');
  await other.until(() => other.all('userEntriesAppended').length > 0);
  expect([other.ended, ofAnother.ended]).toEqual([undefined, undefined]);
});

test('also when the removal is lost on the bus: it is found within two minutes', async () => {
  const device = await node.live('alice', 'phone');
  const pass = async (): Promise<void> => {
    clock.turn(1_000);
    device.session.heartbeat(true);
    await heads.settled();
  };
  // Past the first look at what is new.
  for (let second = 0; second < 5; second++) await pass();
  await unheard.chat.devices.remove(callerOf('alice'), phone);
  await pass();
  expect(device.ended).toBeUndefined();
  let seconds = 1;
  for (; device.ended === undefined && seconds < 130; seconds++) await pass();
  expect(device.ended?.goodbye.reason).toBe('signed-out');
  expect(seconds).toBeLessThanOrEqual(121);
});

test('a device that was removed between its Hello and its subscription is told by the log', async () => {
  await unheard.chat.devices.remove(callerOf('alice'), phone);
  const device = node.open('alice', 'phone');
  await device.until(() => device.ended !== undefined);
  expect(device.ended?.goodbye.reason).toBe('signed-out');
  expect(device.all('userEntriesAppended')).toEqual([]);
});
