// Connections between devices and the gateway break at random points under load: reset, ended, or silent for a while and
// then reset, so that answers under way are lost. Node and gateway live and learn of it late or never.
import { expect, test } from 'vitest';
import { startPlatform } from '../../platform/platform.ts';
import { seeded } from '../replay/random.ts';
import { ChatLoad, faultless } from '../support/chat-load.ts';
import { seedOfRun } from '../support/seed.ts';
import { unlimited } from '../support/unlimited.ts';

const breaks = 120;

test(`${breaks} broken connections lose, double and move nothing`, { timeout: 300_000 }, async () => {
  const seed = seedOfRun('lines cut');
  const random = seeded(seed);
  await using platform = await startPlatform({ env: unlimited });
  await using load = await ChatLoad.open(platform, { seed, breakable: true });
  await load.talk();
  let broken = 0;
  for (let turn = 0; turn < breaks; turn += 1) {
    await load.untilAnswered(1 + random(30));
    const line = load.devices[random(load.devices.length)]?.line;
    if (random(3) === 0) {
      line?.freeze();
      await load.untilAnswered(1 + random(30));
    }
    broken += line?.cut(random(2) === 0 ? 'reset' : 'end') ?? 0;
  }
  // Who has no connection at the moment has none to break.
  expect(broken).toBeGreaterThan(breaks / 4);
  expect(await load.finish(), `PARLEY_SEED=${seed}`).toMatchObject(faultless);
});
