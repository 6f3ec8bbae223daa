import { beforeEach, describe, expect, it } from 'vitest';
import { HandClock } from '../../test/support/clock.ts';
import type { ThreadId } from '../core/ids.ts';
import { Company } from './company.ts';

const thread = 'g_busy' as ThreadId;
let clock: HandClock;
let company: Company;

beforeEach(() => {
  clock = new HandClock();
  company = new Company(clock);
});

/** So many commits of this length, with or without company. */
function commits(count: number, tookMs: number, together: boolean): void {
  for (let n = 0; n < count; n++) company.committed(thread, tookMs, together);
}

/** Whether a request that is alone now is held; `ended` once it is not any more. */
async function hold(): Promise<{ ended: boolean } | undefined> {
  const awaited = company.awaited(thread);
  if (awaited === undefined) return undefined;
  const state = { ended: false };
  void awaited.then(() => (state.ended = true));
  await Promise.resolve();
  return state;
}

describe('A request that is alone in its thread', () => {
  it('is appended at once where nobody came during a commit lately, however long commits take', async () => {
    commits(50, 100, false);
    expect(await hold()).toBeUndefined();
    expect(clock.timers).toBe(0);
  });

  it('is appended at once where commits are quick, whoever comes during them', async () => {
    commits(50, 3, true);
    expect(await hold()).toBeUndefined();
  });

  it('waits half a commit where others came lately, and 50 ms at most', async () => {
    commits(100, 20, true);
    const short = await hold();
    clock.turn(9);
    await Promise.resolve();
    expect(short).toEqual({ ended: false });
    clock.turn(1.1);
    await Promise.resolve();
    expect(short).toEqual({ ended: true });
    commits(100, 1_000, true);
    const long = await hold();
    clock.turn(49);
    await Promise.resolve();
    expect(long).toEqual({ ended: false });
    clock.turn(1.1);
    await Promise.resolve();
    expect(long).toEqual({ ended: true });
  });

  it('waits no longer once another comes', async () => {
    commits(100, 20, true);
    const held = await hold();
    company.came(thread);
    await Promise.resolve();
    expect(held).toEqual({ ended: true });
    expect(clock.timers).toBe(0);
  });

  it('waits no more after four waits in vain, until others come again', async () => {
    commits(100, 20, true);
    for (let n = 0; n < 4; n++) {
      expect(await hold(), `wait ${n}`).toBeDefined();
      clock.turn(20);
    }
    expect(await hold()).toBeUndefined();
    commits(1, 20, true);
    expect(await hold()).toBeDefined();
  });
});
