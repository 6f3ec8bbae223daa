// kill -9 of the node at random points under load, through a real gateway: what was acknowledged as sent is there, once,
// in one order for everybody, and in the end it is delivered and read.
//
// `PARLEY_ROUNDS=200` for longer, `PARLEY_SEED=…` for the kill points of an earlier run. When they fall, the machine decides.
import { expect, test } from 'vitest';
import { startPlatform } from '../../platform/platform.ts';
import { seeded } from '../replay/random.ts';
import { ChatLoad, faultless } from '../support/chat-load.ts';
import { seedOfRun } from '../support/seed.ts';
import { unlimited } from '../support/unlimited.ts';

const rounds = Number(process.env['PARLEY_ROUNDS'] ?? 20);
/** A round on a loaded machine. */
const roundMs = 12_000;

/** How many answers to wait for before a kill: often in the first moments, sometimes a thousand. */
const answersBefore = (random: (n: number) => number): number => 1 + random([1, 10, 100, 1_000][random(4)] ?? 1);
/** In one round of so many all devices are awaited first; in the others the kill falls while they still come back. */
const wholeRound = 7;

test(
  `what was acknowledged outlives ${rounds} kills under load, once and in one order`,
  { timeout: 180_000 + rounds * roundMs },
  async () => {
    const seed = seedOfRun('crash');
    const random = seeded(seed);
    await using platform = await startPlatform({ env: unlimited });
    const [node] = platform.nodes;
    if (node === undefined) throw new Error('the platform has no node');
    await using load = await ChatLoad.open(platform, { seed, robotGivesUp: true });
    await load.talk();
    for (let round = 1; round <= rounds; round += 1) {
      if (round % wholeRound === 0) await load.until(() => load.areAllLive, 'all devices are live');
      await load.untilAnswered(answersBefore(random));
      await node.kill('SIGKILL');
      await node.start();
    }
    const verdict = await load.finish();
    console.log(`crash: ${verdict.answered} answered, ${verdict.deliveries} delivered`);
    expect(verdict, `PARLEY_SEED=${seed}`).toMatchObject(faultless);
    expect(verdict.answered).toBeGreaterThan(rounds);
  },
);
