// The process is killed at random points under load, again and again on one folder: nothing that it was promised may be
// missing, nothing may be there twice, and the parts of the store must agree. (What kill -9 cannot show, since the kernel
// keeps the file's pages, store-sync.test.ts does.)
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { systemClock } from '../../server/core/clock.ts';
import type { ThreadId } from '../../server/core/ids.ts';
import { openEmbeddedStore } from '../../server/store/embedded/store.ts';
import { HandClock } from '../support/clock.ts';
import { checkStore, promisesOf } from './store-checks.ts';
import type { ChildWork, Promised } from './store-child.ts';

const child = fileURLToPath(import.meta.resolve('./store-child.ts'));
const threads = Array.from({ length: 12 }, (_, at) => `g_thread-${at}` as ThreadId);
const rounds = 20;

/** Lets it work until it has made this many promises, kills it, and gives all that came out of it. */
async function killedAfter(work: ChildWork, lines: number): Promise<Promised[]> {
  const process_ = spawn(process.execPath, [child, JSON.stringify(work)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  let seen = 0;
  process_.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
    for (const character of chunk) if (character === '\n') seen++;
    if (seen >= lines) process_.kill('SIGKILL');
  });
  const signal = await new Promise((resolve) => process_.on('close', (_, by) => resolve(by)));
  expect(signal).toBe('SIGKILL');
  return promisesOf(output);
}

test(`what was promised survives ${rounds} kills at random points`, async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-crash-'));
  const chance = new HandClock(0, 20_260_105);
  const promised: Promised[] = [];
  let left = 0;
  for (let round = 0; round < rounds; round++) {
    const work: ChildWork = { folder, threads, appends: 1_000_000, run: `round-${round}`, sync: true };
    promised.push(...(await killedAfter(work, 1 + Math.floor(chance.random() ** 2 * 4_000))));
    await using store = await openEmbeddedStore({ folder, clock: systemClock });
    await checkStore(store, threads, promised);
    left = promised.filter((one) => 'id' in one).length;
  }
  expect(left).toBeGreaterThan(rounds * 50);
  await rm(folder, { recursive: true });
});
