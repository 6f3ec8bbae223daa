// Breaks one rule at a time, and sees that the simulation shows it: what finds nothing wrong must be able to.
import { describe, expect, it } from 'vitest';
import type { Entry } from '../../server/core/entry.ts';
import type { LogId, ThreadId } from '../../server/core/ids.ts';
import { type ThreadView, ThreadViews } from '../../server/delivery/thread-views.ts';
import type { Append, AppendResult, Store } from '../../server/store/store.ts';
import type { Seams } from './sim-node.ts';
import { simulate } from './simulate.ts';
import { epoch, Tables } from './tables.ts';

/** A broken rule shows within so many seeds. */
const mostSeeds = 1_000;

interface Broken {
  readonly seams?: Seams;
  readonly tables?: () => Tables;
}

/** The first anomaly of this kind; undefined = none within the seeds. */
async function shown({ seams = {}, tables }: Broken, kind: RegExp): Promise<string | undefined> {
  for (let seed = 1; seed <= mostSeeds; seed += 1) {
    const { anomalies } = await simulate({ seed, seams, ...(tables === undefined ? {} : { tables: tables() }) });
    const found = anomalies.find((anomaly) => kind.test(anomaly));
    if (found !== undefined) return found;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return undefined;
}

/** Every tenth append is answered and never written. */
function hasty(store: Store): Store {
  let appends = 0;
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'append') return value.bind(target) as unknown;
      return (log: LogId, append: Append): Promise<AppendResult> => {
        appends += 1;
        return appends % 10 === 0 ? Promise.resolve(claimed(append)) : target.append(log, append);
      };
    },
  });
}

function claimed({ expected, entries: given, nowMs }: Append): AppendResult {
  let sequence = expected?.sequence ?? 0n;
  const entries = given.map(({ senderId, deviceId, clientMessageId, change }): Entry => {
    sequence += 1n;
    return { sequence, ordinal: sequence, senderId, deviceId, clientMessageId, createTimeMs: nowMs, change };
  });
  const { membersSequence } = expected ?? { membersSequence: sequence };
  const head = { epoch, sequence, ordinal: sequence, membersSequence, activityMs: nowMs };
  return { outcome: 'appended', entries, head };
}

/** Never looks whether what it keeps of a thread is behind. */
class StaleViews extends ThreadViews {
  override get(threadId: ThreadId): Promise<ThreadView | undefined> {
    const kept = this.peek(threadId);
    return kept === undefined ? super.get(threadId) : Promise.resolve(kept);
  }

  override latest(threadId: ThreadId): Promise<ThreadView | undefined> {
    return this.get(threadId);
  }
}

class ForgetfulOfIds extends Tables {
  override duplicate(): undefined {
    return undefined;
  }
}

class ForgetfulOfEffects extends Tables {
  override effectsDone(): bigint {
    return 2n ** 62n;
  }
}

class LastPositionHolds extends Tables {
  override holdsOver(): boolean {
    return true;
  }
}

describe('the simulation shows', () => {
  it('a store that answers before it has written', async () => {
    expect(await shown({ seams: { store: hasty } }, /^(lost|diverging|gap|stuck)/)).toBeDefined();
  }, 120_000);

  it('that nobody looks after what the bus loses', async () => {
    expect(await shown({ seams: { headCheck: false } }, /^not converged/)).toBeDefined();
  }, 120_000);

  it('members judged by an old view', async () => {
    const views = (store: Store): ThreadViews => new StaleViews(store, 1_000);
    expect(await shown({ seams: { views } }, /^(heard by a stranger|lost|stuck|not converged)/)).toBeDefined();
  }, 120_000);

  it('a retry that is appended again', async () => {
    expect(await shown({ tables: () => new ForgetfulOfIds() }, /^duplicated/)).toBeDefined();
  }, 120_000);

  it('that nobody finishes what a dead node had begun to write', async () => {
    expect(await shown({ tables: () => new ForgetfulOfEffects() }, /./)).toBeDefined();
  }, 120_000);

  it('positions that go back', async () => {
    expect(await shown({ tables: () => new LastPositionHolds() }, /^position/)).toBeDefined();
  }, 120_000);
});
