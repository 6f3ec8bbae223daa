// kill -9 of the gateway at random points under load: every connection breaks, the node lives.
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { type Child, startChild } from '../../platform/child.ts';
import { startPlatform } from '../../platform/platform.ts';
import { seeded } from '../replay/random.ts';
import { ChatLoad, faultless } from '../support/chat-load.ts';
import { seedOfRun } from '../support/seed.ts';
import { unlimited } from '../support/unlimited.ts';

const kills = 5;

/** Kills the process and starts the same command again, on the same ports. */
async function startAgain(child: Child): Promise<Child> {
  const [command = '', ...args] = (await readFile(`/proc/${child.pid}/cmdline`, 'utf8')).split('\0').slice(0, -1);
  await child.end('SIGKILL', 0);
  const config = args[args.indexOf('-c') + 1] ?? '';
  return startChild({ name: child.name, command, args, cwd: dirname(config), env: { PATH: process.env['PATH'] } });
}

test(`a gateway that is killed ${kills} times loses, doubles and moves nothing`, { timeout: 300_000 }, async () => {
  const seed = seedOfRun('gateway killed');
  const random = seeded(seed);
  await using platform = await startPlatform({ env: unlimited });
  let gateway = platform.envoy?.child;
  if (gateway === undefined) throw new Error('the platform has no gateway');
  try {
    await using load = await ChatLoad.open(platform, { seed });
    await load.talk();
    for (let kill = 1; kill <= kills; kill += 1) {
      await load.untilAnswered(1 + random([10, 500][random(2)] ?? 1));
      gateway = await startAgain(gateway);
      await load.until(() => load.areAllLive, 'all devices are live');
    }
    expect(await load.finish(), `PARLEY_SEED=${seed}`).toMatchObject(faultless);
  } finally {
    await gateway.end('SIGKILL', 0);
  }
});
