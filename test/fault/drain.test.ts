// SIGTERM under load: the node tells every stream to go, serves until they have gone or its time is over, and the one that
// follows takes them all. Twice, since the second finds what the first left.
import { expect, test } from 'vitest';
import type { Presence } from '#proto/parley/v1/presence.ts';
import { PresenceState } from '#proto/parley/v1/presence.ts';
import { startPlatform } from '../../platform/platform.ts';
import { ChatLoad, faultless } from '../support/chat-load.ts';
import { People } from '../support/raw-people.ts';
import { seedOfRun } from '../support/seed.ts';
import { unlimited } from '../support/unlimited.ts';

const {
  PRESENCE_STATE_ONLINE: online,
  PRESENCE_STATE_OFFLINE: offline,
  PRESENCE_STATE_UNKNOWN: unknown,
} = PresenceState;

test(
  'a node that is replaced says goodbye, loses nothing, and shows nobody as gone',
  { timeout: 300_000 },
  async () => {
    const seed = seedOfRun('drain');
    await using platform = await startPlatform({ env: { ...unlimited, PARLEY_DRAIN_S: '2' } });
    const [node] = platform.nodes;
    if (node === undefined) throw new Error('the platform has no node');
    using people = new People(platform);
    await using load = await ChatLoad.open(platform, { seed, breakable: true });

    // Carol sees alice, who has three devices.
    const { parley: carol } = load.device('carol', 'phone');
    const seen: Presence[] = [];
    carol.on('presence', (presences) => {
      seen.push(...presences);
      load.wake();
    });
    const alices = load.devices.filter(({ client }) => client.user === 'alice');
    await carol.watchPresence(['alice']);
    await load.until(() => seen.at(-1)?.state === online, 'carol sees alice');

    await load.talk();
    for (let round = 1; round <= 2; round += 1) {
      await load.until(() => load.areAllLive, 'all devices are live');
      await load.untilAnswered(200);
      const stream = await (await people.person('zoe')).client.open().live({ deviceId: 'd1' });
      const ended = node.kill('SIGTERM', 30_000);
      const { reason, goodbye, status } = await stream.goodbye();
      expect([reason, goodbye.reconnect, status.code]).toEqual(['DRAINING', true, 'OK']);
      expect(await ended).toMatchObject({ code: 0, signal: null });
      // Carol is back before alice.
      for (const { line } of alices) line?.freeze();
      const before = seen.length;
      await node.start();
      await load.until(() => seen.length > before, 'carol is told of alice');
      for (const { line } of alices) line?.cut('reset');
      await load.until(() => seen.at(-1)?.state === online && alices.every((device) => device.isLive), 'alice is back');
      await load.untilAnswered(200);
    }
    expect(await load.finish(), `PARLEY_SEED=${seed}`).toMatchObject(faultless);
    expect(new Set(seen.map((presence) => presence.state))).toEqual(new Set([online, unknown]));

    // Carol does hear when alice goes.
    await Promise.all(alices.map((device) => device[Symbol.asyncDispose]()));
    await load.until(() => seen.at(-1)?.state === offline, 'carol sees alice go');
  },
);
