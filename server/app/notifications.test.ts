import { expect, test } from 'vitest';
import { HandClock } from '../../test/support/clock.ts';
import type { Config } from '../config.ts';
import { openNotifications } from './notifications.ts';

const open = (more: Partial<Config>): Promise<unknown> =>
  openNotifications({
    config: { PARLEY_NOTIFY: 'auto', PARLEY_FCM_CREDENTIALS: '', PARLEY_NOTIFY_WEBHOOK_URL: '', ...more } as Config,
    clock: new HandClock(),
    log: {} as never,
    metrics: {} as never,
  });

test('what is said of settings that cannot be used does not give secrets away', async () => {
  const credentials = open({ PARLEY_FCM_CREDENTIALS: 'secret{' });
  await expect(credentials).rejects.toThrow(/^PARLEY_FCM_CREDENTIALS: not JSON$/);
  const url = open({ PARLEY_NOTIFY_WEBHOOK_URL: 'https://me:secret@example.com/' });
  await expect(url).rejects.toThrow(/without a user and password/);
  await expect(url).rejects.not.toThrow(/:secret@/);
});
