import { useEffect, useState } from 'react';
import type { ReactNode } from 'react';
import type { Device } from '#proto/parley/v1/device_service.ts';
import { msOf } from '../../core/times.ts';
import { useApp } from './context.ts';

/** Where the user is signed in, each with a way to sign it out but for this browser, which has a button of its own. */
export function Devices(): ReactNode {
  const { desk, texts } = useApp();
  const { client } = desk.parley;
  const [devices, setDevices] = useState<readonly Device[]>([]);
  useEffect(() => {
    const load = (): void => {
      void desk.act(client.account.devices({ pageSize: 100 })).then((page) => setDevices(page?.devices ?? []));
    };
    load();
    return client.on('userEntry', ({ kind }) => {
      if (kind?.$case === 'deviceChanged') load();
    });
  }, [desk, client]);
  if (devices.length === 0) return null;
  return (
    <section className="people-list">
      <h3>{texts.devices}</h3>
      <ul>
        {devices.map((device) => (
          <DeviceItem key={device.deviceId} device={device} />
        ))}
      </ul>
    </section>
  );
}

function DeviceItem({ device }: { readonly device: Device }): ReactNode {
  const { desk, texts, times } = useApp();
  const { deviceId } = device;
  const isThis = deviceId === desk.parley.deviceId;
  const seenMs = msOf(device.lastSeenTime);
  const name = nameOf(device);
  return (
    <li className="person">
      <span dir="auto">
        {name}{' '}
        <small>
          {isThis ? texts.thisBrowser : seenMs === undefined ? '' : texts.lastSeen(times.moment(seenMs, Date.now()))}
        </small>
      </span>
      {!isThis && (
        <button
          type="button"
          className="link-button"
          aria-label={texts.signOutDevice(name)}
          onClick={() => void desk.act(desk.parley.client.account.removeDevice(deviceId))}
        >
          {texts.signOut}
        </button>
      )}
    </li>
  );
}

/** DevicePlatform of the proto, by its numbers. */
const platforms = ['', 'Android', 'iOS', 'Web', 'Desktop'];

/** Its name, or what it runs on, where it said so, and enough of its id to tell it from others. */
function nameOf({ displayName, platform, deviceId }: Device): string {
  if (displayName !== '') return displayName;
  const id = deviceId.length > 12 ? `${deviceId.slice(0, 12)}…` : deviceId;
  return [platforms[platform], id].filter((part) => part !== undefined && part !== '').join(' · ');
}
