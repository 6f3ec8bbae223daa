import { expect, test } from 'vitest';
import { HandClock } from '../../../test/support/clock.ts';
import type { ThreadId, UserId } from '../../core/ids.ts';
import type { NotifyQueue } from '../../notify/queue.ts';
import type { DeviceRecord } from '../../store/store.ts';
import { PushDevices } from './push-devices.ts';
import { Withdrawals } from './withdrawals.ts';

const [user, thread] = ['bob' as UserId, 'd_x' as ThreadId];

function open() {
  const clock = new HandClock();
  const taken: bigint[] = [];
  const at = { clock, taken, isDown: true, troubles: 0 };
  const queue: Partial<NotifyQueue> = {
    async withdraw(_user, _thread, read) {
      if (at.isDown) throw new Error('down');
      return taken.push(read);
    },
  };
  const devices = new PushDevices(async () => [{ pushToken: 'token' } as DeviceRecord], clock);
  const onTrouble = (): void => void at.troubles++;
  return Object.assign(at, {
    withdrawals: new Withdrawals({ queue: queue as NotifyQueue, devices, clock, onTrouble }),
  });
}

test('what was read while the queue was down is withdrawn when it is there again, once, up to the highest', async () => {
  const at = open();
  await using withdrawals = at.withdrawals;
  for (const read of [4n, 7n, 5n]) await withdrawals.read(user, thread, read);
  expect(at.troubles).toBe(3);
  await at.clock.turnSlowly(3_000, 500);
  at.isDown = false;
  await at.clock.turnSlowly(3_000, 500);
  expect(at.taken).toEqual([7n]);
});

test('or at the end, which waits for what is being asked', async () => {
  const at = open();
  void at.withdrawals.read(user, thread, 4n);
  await at.withdrawals.read(user, 'd_y' as ThreadId, 5n);
  at.isDown = false;
  void at.withdrawals.read(user, thread, 6n);
  await at.withdrawals[Symbol.asyncDispose]();
  expect(new Set(at.taken)).toEqual(new Set([4n, 5n, 6n]));
});
