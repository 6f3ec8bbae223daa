/** A whole replay: clients open, files play at the same time, everybody catches up, the checker judges. */
import { Checker, type Verdict } from './checker.ts';
import type { MakeClient, ReplayClient } from './client.ts';
import { Disturber } from './disturber.ts';
import { expectFile } from './expected.ts';
import type { Client, HistoryRecord } from './history.ts';
import { Activity, Listening, Stalled } from './listening.ts';
import { inTurns, logTime } from './pacing.ts';
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
  /** Whether nobody else uses the platform: then no other threads may be heard of. */
  isPrivate: boolean;
  makeClient: MakeClient;
  progress: Progress;
}

export interface RunResult {
  verdict: Verdict;
  /** Users with a nick, each with one client. */
  clients: number;
  seconds: number;
  /** Streams that were broken on purpose. */
  breaks: number;
}

/** Rejects when it could not begin; a run that began ends with a verdict, whatever went wrong. */
export async function run(plans: FilePlan[], options: RunOptions): Promise<RunResult> {
  const startedMs = performance.now();
  await using replay = new Replay(plans, options);
  await replay.open();
  const played = await replay.converse();
  await replay.settle(played);
  options.progress.end();
  const seconds = (performance.now() - startedMs) / 1000;
  return { verdict: replay.verdict(), clients: replay.users.length, seconds, breaks: replay.breaks };
}

class Replay implements AsyncDisposable {
  readonly users: string[];
  readonly #plans: FilePlan[];
  readonly #options: RunOptions;
  readonly #checker: Checker;
  readonly #activity = new Activity(() => performance.now());
  readonly #listening = new Listening();
  readonly #clients = new Map<string, ReplayClient>();
  readonly #stop = new AbortController();
  #disturber: Disturber | undefined;
  #heard = 0;

  constructor(plans: FilePlan[], options: RunOptions) {
    this.users = [...new Set(plans.flatMap((plan) => plan.users))];
    this.#plans = plans;
    this.#options = options;
    const expected = plans.map((plan) => expectFile(plan, operatorId));
    this.#checker = new Checker(expected, { uncounted: [operatorId], otherThreads: !options.isPrivate });
  }

  get breaks(): number {
    return this.#disturber?.total ?? 0;
  }

  verdict(): Verdict {
    return this.#checker.finish();
  }

  async open(): Promise<void> {
    const { makeClient, progress } = this.#options;
    const users = [operatorId, ...this.users];
    let live = 0;
    const open = async (user: string): Promise<void> => {
      const client = await makeClient({ user, device: 'replay' }, ({ body, ...heard }) =>
        this.#record({ client: client.client, atMs: performance.now(), kind: 'heard', ...heard, ...body }),
      );
      this.#clients.set(user, client);
      this.#record({ client: client.client, atMs: performance.now(), kind: 'opened' });
      await client.open();
      live += 1;
      progress.show('clients', live, users.length);
    };
    await this.#activity.orStalled(inTurns(users, openingAtOnce, open), 'clients opened');
  }

  /** Plays the files, all at the same time. */
  async converse(): Promise<Played[]> {
    const { progress, speed, disturbSeed } = this.#options;
    if (disturbSeed !== undefined) this.#disturber = new Disturber([...this.#clients.values()], disturbSeed);
    const messages = this.#plans.reduce((sum, plan) => sum + plan.messages, 0);
    let answered = 0;
    const stage = {
      operator: this.#operator(),
      clients: this.#clients,
      record: (told: HistoryRecord) => this.#record(told),
      reached: (client: Client, thread: string, sequence: number) => this.#listening.reached(client, thread, sequence),
      until: logTime(speed, () => this.#activity.touch()),
      disturber: this.#disturber,
      answered: (refusal?: string) => {
        if (refusal === undefined) answered += 1;
        else progress.say(refusal);
        const broken = this.#disturber ? `, ${this.breaks} streams broken` : '';
        progress.show('messages', answered, messages, `${this.#heard} heard${broken}`);
      },
    };
    const played: Played[] = [];
    const playing = this.#plans.map(async (plan) => void played.push(await play(plan, stage)));
    await this.#unlessStalled(Promise.all(playing), 'messages were sent');
    this.#disturber?.allSent();
    return played;
  }

  /** Everybody hears the rest and reads it, and the authors are told so. */
  async settle(played: Played[]): Promise<void> {
    const hearing = played.flatMap(({ thread, lastHeard }) =>
      [...lastHeard].map(([{ client }, sequence]) => this.#listening.reached(client, thread, sequence)),
    );
    await this.#unlessStalled(Promise.all(hearing), 'members heard the last messages');

    const total = played.reduce((sum, one) => sum + one.members.size, 0);
    const reached = new Map<Played, number>();
    const reading = played.map((one) =>
      allRead(one, this.#operator(), this.#stop.signal, (members) => {
        if (members > (reached.get(one) ?? -1)) this.#activity.touch();
        reached.set(one, members);
        const all = reached.values().reduce((sum, count) => sum + count, 0);
        this.#options.progress.show('members who have read', all, total);
      }),
    );
    await this.#unlessStalled(Promise.all(reading), 'members read the last messages');
    const asking = played.map((one) => askAuthors(one, (told) => this.#record(told)));
    await this.#unlessStalled(Promise.all(asking), 'authors asked who has read');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#clients.values().map((client) => client[Symbol.asyncDispose]()));
  }

  #record(told: HistoryRecord): void {
    this.#checker.add(told);
    this.#activity.touch();
    if (told.kind !== 'heard') return;
    this.#heard += 1;
    this.#listening.note(told.client, told.thread, told.sequence);
  }

  #operator(): ReplayClient {
    const operator = this.#clients.get(operatorId);
    if (!operator) throw new Error('the operator has no client');
    return operator;
  }

  /** A run that is stuck goes on to what comes next: the checker says what is missing. */
  async #unlessStalled(work: Promise<unknown>, what: string): Promise<void> {
    try {
      await this.#activity.orStalled(work, what);
    } catch (error) {
      if (!(error instanceof Stalled)) throw error;
      this.#options.progress.say(`replay: ${error.message}`);
    }
  }
}
