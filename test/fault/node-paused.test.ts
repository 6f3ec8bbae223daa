// A node that stops for some seconds and goes on, as under a debugger, a snapshot of its machine or a dead disk: it learns
// late what happened meanwhile. Under load, through a real gateway.
import { expect, test } from 'vitest';
import { startPlatform } from '../../platform/platform.ts';
import { until } from '../../platform/wait.ts';
import { ChatLoad, faultless } from '../support/chat-load.ts';
import { seedOfRun } from '../support/seed.ts';
import { unlimited } from '../support/unlimited.ts';

test('a node that is paused and goes on loses, doubles and moves nothing', { timeout: 300_000 }, async () => {
  const seed = seedOfRun('node paused');
  await using platform = await startPlatform({ env: unlimited });
  const { nodes, envoy } = platform;
  const [node] = nodes;
  if (node === undefined || envoy === undefined) throw new Error('the platform is not whole');
  await using load = await ChatLoad.open(platform, { seed });
  const isOut = async (): Promise<true | undefined> => {
    const clusters = await (await fetch(`http://${envoy.admin}/clusters`)).text();
    return clusters.includes(`nodes::${node.address}::health_flags::/failed_active_hc`) || undefined;
  };
  const pauses = [
    // Shorter than anybody's patience.
    async () => {},
    // Until the gateway sends it no more calls; who has a stream keeps it.
    async () => until(isOut, { what: 'the gateway to give the node up', withinMs: 20_000 }),
    // Until every device has given its stream up: a minute of silence for an application, less for these.
    async () => load.until(() => !load.devices.some((device) => device.isLive), 'no device is live'),
  ];
  await load.talk();
  for (const pause of [...pauses, ...pauses]) {
    await load.until(() => load.areAllLive, 'all devices are live');
    await load.untilAnswered(100);
    node.signal('SIGSTOP');
    try {
      await pause();
    } finally {
      node.signal('SIGCONT');
    }
    await load.untilAnswered(100);
  }
  expect(await load.finish(), `PARLEY_SEED=${seed}`).toMatchObject(faultless);
});
