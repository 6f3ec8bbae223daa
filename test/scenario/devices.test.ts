// Devices over the wire: known from their Hello or their registration, listed, and signed out for good, on either carrier.
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type DeepPartial,
  Device,
  DevicePlatform,
  DeviceServiceService,
  ListDevicesRequest,
} from '#proto/parley/v1/device_service.ts';
import { PeopleServiceService } from '#proto/parley/v1/people_service.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { People, type Person } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';

let platform: Platform;
let people: People;

beforeAll(async () => {
  platform = await startPlatform({ env: unlimited });
  people = new People(platform);
});
afterAll(async () => {
  people[Symbol.dispose]();
  await platform.stop();
});

const register = (person: Person, device: DeepPartial<Device>) =>
  person.client.call(DeviceServiceService.registerDevice, { device: Device.fromPartial(device) });
const remove = (person: Person, deviceId: string) =>
  person.client.call(DeviceServiceService.removeDevice, { deviceId });
const list = async (person: Person): Promise<Device[]> =>
  (await person.client.ask(DeviceServiceService.listDevices, ListDevicesRequest.create())).devices;

test('a device is known from its Hello, keeps what it registers, and its push token is told to nobody', async () => {
  const alice = await people.person('alice');
  await alice.client.open().live({ deviceId: 'phone' });
  const [met] = await list(alice);
  expect(met).toMatchObject({ deviceId: 'phone', platform: 0, active: true, notified: false });
  const said = {
    locale: 'pt-BR',
    displayName: 'Ana’s phone',
    keyBlob: Buffer.from([1, 2]),
    platform: DevicePlatform.DEVICE_PLATFORM_IOS,
  };
  const { response } = await register(alice, { deviceId: 'phone', pushToken: `${alice.id} token`, ...said });
  const kept = { deviceId: 'phone', ...said, pushToken: '', active: true, notified: true };
  expect(response?.device).toMatchObject(kept);
  expect(await list(alice)).toEqual([expect.objectContaining(kept)]);
  expect((await list(alice))[0]?.lastSeenTime).toBeDefined();
});

test('a push token that another user registers is taken from the device that had it', async () => {
  const [alice, bob] = [await people.person('alice'), await people.person('bob')];
  await register(alice, { deviceId: 'shared', pushToken: `${alice.id} token` });
  await register(bob, { deviceId: 'shared', pushToken: `${alice.id} token` });
  expect((await list(alice)).map(({ notified }) => notified)).toEqual([false]);
  expect((await list(bob)).map(({ notified }) => notified)).toEqual([true]);
});

test.each([
  ['device.device_id', { deviceId: 'a b' }],
  ['device.device_id', {}],
  ['device.platform', { deviceId: 'd1', platform: 99 }],
  ['device.push_token', { deviceId: 'd1', pushToken: 'x'.repeat(4_097) }],
  ['device.push_token', { deviceId: 'd1', pushToken: 'a\nb' }],
  ['device.display_name', { deviceId: 'd1', displayName: 'é'.repeat(51) }],
  ['device.display_name', { deviceId: 'd1', displayName: 'a\nb' }],
  ['device.locale', { deviceId: 'd1', locale: 'not a tag' }],
  [
    'device.locale',
    { deviceId: 'd1', locale: `en-${'x'.repeat(8)}-${'y'.repeat(8)}-${'z'.repeat(8)}-${'a'.repeat(8)}` },
  ],
  ['device.key_blob', { deviceId: 'd1', keyBlob: Buffer.alloc(16_385) }],
] as const)('registering is refused where %s is wrong', async (field, device) => {
  const alice = await people.person('alice');
  const { status } = await register(alice, device as DeepPartial<Device>);
  expect([status.reason, status.fields]).toEqual(['INVALID_FIELD', [field]]);
  expect(await list(alice)).toEqual([]);
});

test.each(['Open', 'Listen'] as const)(
  'a device that is removed loses its session on %s at once, and is refused for good',
  async (carrier) => {
    const alice = await people.person('alice');
    const openOn = () => (carrier === 'Open' ? alice.client.open() : alice.client.openListen()[0]);
    const stream = await openOn().live({ deviceId: 'phone' });
    const other = await alice.client.open().live({ deviceId: 'laptop' });
    expect((await remove(alice, 'phone')).status.code).toBe('OK');
    const { reason, goodbye, status } = await stream.goodbye();
    expect([reason, goodbye.reconnect]).toEqual(['SIGNED_OUT', false]);
    expect([status.code, status.reason]).toEqual(['PERMISSION_DENIED', 'SIGNED_OUT']);
    await other.until(() =>
      other
        .all('userEntriesAppended')
        .flatMap(({ entries }) => entries)
        .some(({ kind }) => kind?.$case === 'deviceChanged' && kind.value.deviceId === 'phone' && kind.value.removed),
    );
    const again = openOn();
    again.say('hello', { deviceId: 'phone', apiRevision: 1 });
    expect(await again.ended).toMatchObject({ code: 'PERMISSION_DENIED', reason: 'SIGNED_OUT' });
    expect((await register(alice, { deviceId: 'phone' })).status.reason).toBe('SIGNED_OUT');
    expect((await list(alice)).map(({ deviceId }) => deviceId)).toEqual(['laptop']);
    // Signed out before: nothing changes.
    expect((await remove(alice, 'phone')).status.code).toBe('OK');
    expect((await remove(alice, 'nowhere')).status.reason).toBe('DEVICE_NOT_FOUND');
    expect((await other.request('heartbeat', {})).error).toBeUndefined();
  },
);

test('a call with a token that is bound to a removed device is refused', async () => {
  const alice = await people.person('alice');
  const bound = people.stranger(await platform.token(alice.id, { deviceId: 'phone' }));
  await bound.open().live({ deviceId: 'phone' });
  const ask = () => bound.call(PeopleServiceService.getAccountSettings, {});
  expect((await ask()).status.code).toBe('OK');
  await remove(alice, 'phone');
  expect((await ask()).status).toMatchObject({ code: 'PERMISSION_DENIED', reason: 'SIGNED_OUT' });
});
