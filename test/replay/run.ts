/** A whole replay: clients open, files play at the same time, everybody catches up, the checker judges. */
import { setTimeout as pause } from 'node:timers/promises';
import { Checker, type Verdict } from './checker.ts';
import type { MakeClient, ReplayClient } from './client.ts';
import { Disturber } from './disturber.ts';
import { expectFile } from './expected.ts';
import type { HistoryRecord } from './history.ts';
import { Activity, Listening, Stalled } from './listening.ts';
import type { FilePlan } from './plan.ts';
import { type Played, play } from './play.ts';
import type { Progress } from './progress.ts';
import { allRead, askAuthors } from './settle.ts';

/** Who creates the groups and lets people in. No nick gives this id: those begin with `irc:`. */
export const operatorId = 'irc-operator';

/** Clients that open at a time. */
const openingAtOnce = 32;

export interface RunOptions {
  /** How many times faster than the log; Infinity = as fast as it goes. */
  speed: number;
  /** Breaks streams, as this seed says; undefined = leaves them alone. */
  disturbSeed: number | undefined;
  makeClient: MakeClient;
  progress: Progress;
}

export interface RunResult {
  verdict: Verdict;
  /** Users with a nick. */
  clients: number;
  seconds: number;
  breaks: number;
}

export async function run(plans: FilePlan[], options: RunOptions): Promise<RunResult> {
  const { progress } = options;
  const now = (): number => performance.now();
  const startedMs = now();
  const checker = new Checker(
    plans.map((plan) => expectFile(plan, operatorId)),
    [operatorId],
  );
  const activity = new Activity(now);
  const listening = new Listening();
  let hearings = 0;
  const record = (told: HistoryRecord): void => {
    checker.add(told);
    activity.touch();
    if (told.kind !== 'heard') return;
    hearings += 1;
    listening.note(told.client, told.thread, told.sequence);
  };

  const clients = new Map<string, ReplayClient>();
  const users = [...new Set(plans.flatMap((plan) => plan.users))];
  const stop = new AbortController();
  const opened: ReplayClient[] = [];
  await using closing = new AsyncDisposableStack();
  closing.defer(async () => void (await Promise.all(opened.map((client) => client[Symbol.asyncDispose]()))));
  const open = async (user: string): Promise<void> => {
    const identity = { user, device: 'replay' };
    const client = await options.makeClient(identity, ({ body, ...heard }) =>
      record({ client: identity, atMs: now(), kind: 'heard', ...heard, ...body }),
    );
    opened.push(client);
    record({ client: identity, atMs: now(), kind: 'opened' });
    await client.open();
    clients.set(user, client);
    progress.show('clients', clients.size, users.length + 1);
  };

  let disturber: Disturber | undefined;
  const converse = async (): Promise<void> => {
    const operator = clients.get(operatorId);
    if (!operator) throw new Error('the operator has no client');
    if (options.disturbSeed !== undefined) disturber = new Disturber([...clients.values()], options.disturbSeed);
    const messages = plans.reduce((sum, plan) => sum + plan.messages, 0);
    let answered = 0;
    const tellers = { operator, clients, record, now, disturber, ...pacing(now, options.speed, activity) };
    const answer = (refusal?: string): void => {
      if (refusal !== undefined) progress.say(refusal);
      else answered += 1;
      progress.show('messages', answered, messages, `${hearings} heard${breaksSoFar(disturber)}`);
    };
    const played = await Promise.all(plans.map((plan) => play(plan, { ...tellers, answered: answer })));
    disturber?.allSent();
    await settle(played, operator);
  };

  const settle = async (played: Played[], operator: ReplayClient): Promise<void> => {
    for (const { thread, lastHeard } of played) {
      for (const [client, sequence] of lastHeard) listening.expect(client.client, thread, sequence);
    }
    await activity.orStalled(listening.done(), 'members heard the last messages');
    const total = played.reduce((sum, one) => sum + one.members.size, 0);
    const reached = new Map<Played, number>();
    const reading = played.map(async (one) => {
      const look = (members: number): void => {
        if (members > (reached.get(one) ?? 0)) activity.touch();
        reached.set(one, members);
        progress.show(
          'members who have read',
          [...reached.values()].reduce((a, b) => a + b, 0),
          total,
        );
      };
      await allRead(one, operator, look, stop.signal);
      await askAuthors(one, record, now);
    });
    await activity.orStalled(Promise.all(reading), 'members read the last messages');
  };

  try {
    await activity.orStalled(inTurns([operatorId, ...users], openingAtOnce, open), 'clients opened');
    await activity.orStalled(converse(), 'messages were sent');
  } catch (error) {
    if (!(error instanceof Stalled)) throw error;
    progress.say(`replay: ${error.message}; judging what was told so far`);
  } finally {
    stop.abort();
    progress.end();
  }
  const seconds = (now() - startedMs) / 1000;
  return { verdict: checker.finish(), clients: users.length, seconds, breaks: disturber?.total ?? 0 };
}

const breaksSoFar = (disturber: Disturber | undefined): string =>
  disturber ? `, ${disturber.total} streams broken` : '';

/** Time as the log has it, `speed` times faster. */
function pacing(now: () => number, speed: number, activity: Activity): { until(atMs: number): Promise<void> } {
  const startMs = now();
  return {
    async until(atMs) {
      for (;;) {
        const waitMs = startMs + atMs / speed - now();
        if (waitMs <= 0) return;
        // Waiting for the log's clock is no stall.
        activity.touch();
        await pause(Math.min(waitMs, 1_000));
      }
    },
  };
}

/** Does `work` for each, so many at a time, in order. */
async function inTurns<T>(items: T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const item of left) await work(item);
    }),
  );
}
