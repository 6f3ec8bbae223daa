import type { Entry } from '#proto/parley/v1/entry.ts';
import type { ServerFrame } from '#proto/parley/v1/stream_service.ts';
import { ParleyClient } from '../../clients/core/client.ts';
import type { Draft, DraftStore } from '../../clients/core/draft.ts';
import * as Code from '../../clients/core/codes.ts';
import { ParleyError } from '../../clients/core/errors.ts';
import type { Path, RequestOf, ResponseOf } from '../../clients/core/methods.ts';
import type { Runtime } from '../../clients/core/runtime.ts';
import type { Asked, Ledger, Told } from './ledger.ts';
import { SimCarrier } from './sim-carrier.ts';
import type { SimNode } from './sim-node.ts';
import type { Weather } from './weather.ts';
import type { Life, World } from './world.ts';

export interface DeviceOptions {
  readonly world: World;
  readonly weather: Weather;
  readonly ledger: Ledger;
  readonly userId: string;
  readonly deviceId: string;
  readonly route: () => SimNode | undefined;
  readonly report: (cause: unknown) => string;
}

/** Worth asking again: it says nothing about what was asked for. */
const forNow: readonly number[] = [Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.CANCELLED, Code.RESOURCE_EXHAUSTED];

/** A device with the real client on it. Its drafts outlive its process, all else is lost with that. */
export class SimDevice {
  readonly userId: string;
  readonly deviceId: string;
  readonly #options: DeviceOptions;
  readonly #drafts = new Map<string, Draft>();
  #life: Life = { name: '', alive: false };
  #processes = 0;
  /** What the present process asks for. */
  readonly #asking = new Set<Asked>();
  client!: ParleyClient;
  carrier!: SimCarrier;
  /** Of the present process. */
  told!: Told;

  constructor(options: DeviceOptions) {
    this.#options = options;
    this.userId = options.userId;
    this.deviceId = options.deviceId;
    this.#begin();
  }

  get name(): string {
    return `${this.userId}/${this.deviceId}`;
  }

  /** The process dies, and another one begins. */
  restart(): void {
    this.#options.world.note(`${this.name} restarts`);
    this.#life.alive = false;
    this.told.isOver = true;
    // Who asked is not there any more to hear an answer.
    for (const asked of this.#asking) asked.outcome = 'unknown';
    this.#asking.clear();
    this.carrier.drop();
    this.#begin();
  }

  /** Threads it knows of. */
  get threads(): string[] {
    return [...this.told.threads.keys()];
  }

  send(threadId: string, id: string): void {
    const { ledger, world } = this.#options;
    const { userId } = this;
    ledger.messages.set(id, { userId, threadId, clientMessageId: id, outcome: 'open', sequence: 0n });
    world.note(`${this.name} sends ${id} to ${threadId}`);
    this.client.send(threadId, { text: textOf(id) }, { clientMessageId: id }).catch(() => undefined);
  }

  markRead(threadId: string): void {
    const upTo = this.client.held(threadId);
    // Nothing is left to say of a thread that the user is not in any more.
    if (upTo === 0n) return;
    this.told.read.set(threadId, upTo);
    this.#options.world.note(`${this.name} has read ${threadId} ${upTo}`);
    this.client.markRead(threadId, upTo);
  }

  /** Asks until there is an answer, as long as the process lives. */
  async ask<P extends Path>(
    asked: Asked | undefined,
    path: P,
    request: RequestOf<P>,
  ): Promise<ResponseOf<P> | undefined> {
    const { world, ledger } = this.#options;
    const { client } = this;
    const life = this.#life;
    if (asked !== undefined) {
      ledger.asked.push(asked);
      this.#asking.add(asked);
    }
    const answered = (outcome: 'done' | 'refused', sequence = 0n): void => {
      if (asked === undefined || !this.#asking.delete(asked)) return;
      Object.assign(asked, { outcome, sequence });
    };
    while (life.alive) {
      try {
        const response = await client.call(path, request);
        const { sequence } = response as { sequence?: bigint };
        answered('done', sequence);
        world.note(`${this.name} is answered ${sequence ?? ''} for ${asked?.id ?? path}`);
        return response;
      } catch (error) {
        if (!(error instanceof ParleyError)) throw error;
        if (!forNow.includes(error.code)) {
          answered('refused');
          world.note(`${this.name} is refused ${asked?.id ?? path}: ${error.reason}`);
          return undefined;
        }
        await world.pass(world.random.between(100, 1_500));
      }
    }
    return undefined;
  }

  #begin(): void {
    const { world, weather, ledger, userId, deviceId, route, report } = this.#options;
    this.#processes += 1;
    const life: Life = { name: this.name, alive: true };
    this.#life = life;
    const told: Told = { userId, deviceId, threads: new Map(), read: new Map(), isOver: false };
    this.told = told;
    ledger.told.push(told);
    this.carrier = new SimCarrier({
      world,
      weather,
      userId,
      route,
      report,
      tap: (frames) => this.#tap(frames),
      tapAnswer: (path, request, response) => this.#tapAnswer(path, request, response),
    });
    const client = new ParleyClient({
      carrier: this.carrier,
      getToken: () => userId,
      deviceId,
      drafts: this.#draftStore(),
      runtime: this.#runtime(life),
    });
    this.client = client;
    const whileAlive = (run: () => void): void => {
      if (life.alive) run();
    };
    client.on('entry', ({ threadId, entry }) => whileAlive(() => this.#hear(told, threadId, entry)));
    client.on('restarted', ({ threadId }) => whileAlive(() => ledger.wrong.push(`${threadId} began anew`)));
    client.on('sent', ({ draft, result }) =>
      whileAlive(() => this.#answered(draft.clientMessageId, 'sent', result.sequence)),
    );
    client.on('sendFailed', ({ draft, error }) =>
      whileAlive(() => this.#answered(draft.clientMessageId, 'refused', 0n, error.reason)),
    );
    client.on('connection', (state) =>
      whileAlive(() => {
        world.note(`${this.name} is ${state.phase}`);
        if (state.phase === 'closed') ledger.wrong.push(`${this.name} was shut out: ${state.reason}`);
      }),
    );
    void client.start();
  }

  #runtime(life: Life): Runtime {
    const { world, report } = this.#options;
    const random = world.random.fork();
    const processes = this.#processes;
    let ids = 0;
    return {
      now: () => world.nowMs,
      wallNow: () => world.wallMs,
      setTimer: (delayMs, run) =>
        world.after(delayMs, () => {
          if (life.alive) run();
        }),
      random: () => random.next(),
      newId: () => `${this.name}-${processes}-${(ids += 1)}`,
      report: (error) => void report(error),
    };
  }

  #draftStore(): DraftStore {
    return {
      load: () => Promise.resolve([...this.#drafts.values()]),
      put: (draft) => {
        this.#drafts.set(draft.clientMessageId, draft);
        return Promise.resolve();
      },
      remove: (_threadId, clientMessageId) => {
        this.#drafts.delete(clientMessageId);
        return Promise.resolve();
      },
    };
  }

  #hear(told: Told, threadId: string, entry: Entry): void {
    const entries = told.threads.get(threadId);
    if (entries === undefined) told.threads.set(threadId, [entry]);
    else entries.push(entry);
    this.#options.world.note(`${this.name} holds ${threadId} ${entry.sequence}`);
  }

  #answered(id: string, outcome: 'sent' | 'refused', sequence: bigint, why = ''): void {
    const message = this.#options.ledger.messages.get(id);
    this.#options.world.note(`${this.name} is told that ${id} is ${outcome} ${sequence} ${why}`);
    if (message === undefined) return;
    if (message.outcome === 'sent' && outcome === 'refused')
      this.#options.ledger.wrong.push(`${id} was sent, then refused`);
    message.outcome = outcome;
    message.sequence = sequence;
  }

  #tap(frames: readonly ServerFrame[]): void {
    for (const { frame } of frames) {
      if (frame?.$case === 'reply' && frame.value.result?.$case === 'error') {
        this.#options.world.note(`${this.name} is refused on its stream: ${frame.value.result.value.message}`);
      }
      if (frame?.$case !== 'entriesAppended') continue;
      const { threadId, entries } = frame.value;
      this.#options.ledger.reach(this.userId, threadId, entries);
      this.#options.world.note(`${this.name} hears ${threadId} ${entries.map(({ sequence }) => sequence).join(',')}`);
    }
  }

  #tapAnswer(path: Path, request: unknown, response: unknown): void {
    if (path !== '/parley.v1.HistoryService/ListEntries') return;
    const { entries } = response as { entries: readonly Entry[] };
    this.#options.ledger.reach(this.userId, (request as { threadId: string }).threadId, entries);
  }
}

/** What a message or an edit with this id says. */
export function textOf(id: string): string {
  return `says ${id}`;
}
