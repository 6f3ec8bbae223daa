// One device of the suite, the same on every carrier: what a scenario does with it and sees of it. Everything that goes in and comes
// out is plain data, so that a device may stand in a browser.
import type { Hello, ServerFrame } from '#proto/parley/v1/stream_service.ts';
import type { ThreadHead } from '#proto/parley/v1/thread.ts';
import type { Carrier } from '../../clients/core/carrier.ts';
import { ParleyClient } from '../../clients/core/client.ts';
import type { ResumeState } from '../../clients/core/client-options.ts';
import type { CloseReason, ConnectionState } from '../../clients/core/connection-state.ts';
import { ParleyError } from '../../clients/core/errors.ts';
import { textOf } from '../../clients/core/fold.ts';
import { Tampered } from './tampered.ts';

export interface Setting {
  readonly user: string;
  readonly deviceId: string;
  /** Default: when told. */
  readonly acknowledge?: 'by-hand';
  /** Default: fetched. */
  readonly skipped?: 'history';
  /** Messages of a thread under way at once; default 1. */
  readonly inFlight?: number;
  /** Where an earlier process of the device stood. */
  readonly resume?: Kept;
  /** What its carrier does wrong, for tests of the suite. */
  readonly fault?: 'forgets-resume';
}

/** What a device keeps for its next process, as plain data. */
export interface Kept {
  readonly token: readonly number[];
  readonly userEpoch: bigint;
  readonly userSequence: bigint;
  readonly heads: readonly ThreadHead[];
}

/** An error as plain data. */
export interface Refused {
  readonly reason: string;
  readonly code: number;
  readonly fields: readonly string[];
  readonly message: string;
}

/** All that the device was told since it was made. */
export interface Told {
  readonly entries: readonly { threadId: string; sequence: number; text: string }[];
  readonly skipped: readonly { threadId: string; from: number; to: number }[];
  readonly phases: readonly ConnectionState['phase'][];
  readonly phase: ConnectionState['phase'];
  readonly closed: { readonly reason: CloseReason; readonly error: Refused | undefined } | undefined;
  /** A session each time one was caught up; the last one is the one that lives. */
  readonly sessions: readonly { sessionId: string; resumed: boolean }[];
  /** Users by what was last told of them, as 1 = online. */
  readonly presence: Readonly<Record<string, number>>;
}

/** What a stream told that was spoken by hand. */
export interface Spoken {
  /** Kinds of frames, in order. */
  readonly frames: readonly string[];
  readonly goodbye: { readonly reason: number; readonly reconnect: boolean } | undefined;
  /** How it ended; undefined = with OK. */
  readonly ended: Refused | undefined;
}

export class Device {
  readonly #client: ParleyClient;
  readonly #carrier: Tampered;
  readonly #token: () => Promise<string>;
  readonly #entries: { threadId: string; sequence: number; text: string }[] = [];
  readonly #skipped: { threadId: string; from: number; to: number }[] = [];
  readonly #phases: ConnectionState['phase'][] = [];
  readonly #sessions: { sessionId: string; resumed: boolean }[] = [];
  readonly #presence: Record<string, number> = {};
  #kept: ResumeState | undefined;

  constructor(carrier: Carrier, setting: Setting, token: () => Promise<string>) {
    const { deviceId, acknowledge, skipped, inFlight = 1, resume, fault } = setting;
    this.#carrier = new Tampered(carrier, fault);
    this.#token = token;
    if (resume !== undefined) this.#kept = { ...resume, token: Uint8Array.from(resume.token) };
    this.#client = new ParleyClient({
      carrier: this.#carrier,
      getToken: token,
      deviceId,
      outbox: { inFlightPerThread: inFlight },
      ...(acknowledge === undefined ? {} : { acknowledge }),
      ...(skipped === undefined ? {} : { skipped }),
      resume: {
        load: async () => ({ resume: this.#kept, heads: resume?.heads ?? [] }),
        save: async (state) => {
          this.#kept = state;
        },
      },
    });
    this.#listen();
  }

  #listen(): void {
    const client = this.#client;
    client.on('entry', ({ threadId, entry: { sequence, kind } }) => {
      const text = kind?.$case === 'message' ? (textOf(kind.value.content) ?? '') : '';
      this.#entries.push({ threadId, sequence: Number(sequence), text });
    });
    client.on('skipped', ({ threadId, from, to }) => {
      this.#skipped.push({ threadId, from: Number(from), to: Number(to) });
    });
    client.on('connection', ({ phase }) => this.#phases.push(phase));
    client.on('caughtUp', (session) => this.#sessions.push(session));
    client.on('presence', (presences) => {
      for (const { userId, state } of presences) this.#presence[userId] = state;
    });
  }

  /** Begins; see `told` for when it is live. */
  async start(): Promise<void> {
    await this.#client.start();
  }

  async stop(): Promise<void> {
    await this.#client.close();
    this.#carrier.close();
  }

  /** Signs another device of the user's out. */
  async signOut(deviceId: string): Promise<void> {
    await this.#client.account.removeDevice(deviceId);
  }

  async told(): Promise<Told> {
    const state = this.#client.connection;
    const closed =
      state.phase === 'closed'
        ? { reason: state.reason, error: state.error === undefined ? undefined : refusedOf(state.error) }
        : undefined;
    return {
      entries: [...this.#entries],
      skipped: [...this.#skipped],
      phases: [...this.#phases],
      phase: state.phase,
      closed,
      sessions: [...this.#sessions],
      presence: { ...this.#presence },
    };
  }

  /** Drops the stream, and opens another at once. */
  async reopen(): Promise<void> {
    this.#client.reconnect();
  }

  /** The direct thread with a user. */
  async thread(peer: string): Promise<string> {
    return (await this.#client.threads.open(peer)).threadId;
  }

  /** Sends all, in order; gives their sequences once all are durable. */
  async send(threadId: string, ...texts: string[]): Promise<number[]> {
    const sent = await Promise.all(texts.map((text) => this.#client.send(threadId, text)));
    return sent.map(({ sequence }) => Number(sequence));
  }

  /** For `acknowledge: 'by-hand'`. */
  async ack(threadId: string, upTo: number): Promise<void> {
    this.#client.ack(threadId, BigInt(upTo));
  }

  async read(threadId: string, upTo: number): Promise<void> {
    this.#client.markRead(threadId, BigInt(upTo));
  }

  /** How far a message of one's own is: sent, delivered or read. */
  async tick(threadId: string, sequence: number): Promise<string> {
    return this.#client.ticks(threadId, BigInt(sequence)).state;
  }

  async watch(...users: string[]): Promise<void> {
    await this.#client.watchPresence(users);
  }

  /** The next so many batches of entries are lost on their way. */
  async lose(batches: number): Promise<void> {
    this.#carrier.lose(batches);
  }

  /** Where the device stands, for another process of it. */
  async kept(): Promise<Kept | undefined> {
    const state = this.#kept;
    if (state === undefined) return undefined;
    return { ...state, token: [...state.token], heads: this.#client.heads() };
  }

  /** What a call that must fail is refused with; undefined = it did not fail. */
  async refusal(what: 'no-thread' | 'no-name' | 'no-frame-thread' | 'large-message'): Promise<Refused | undefined> {
    const client = this.#client;
    const failing = {
      'no-thread': () => client.threads.get('d_nowhere'),
      'no-name': () => client.groups.create({ name: '' }),
      'no-frame-thread': () => client.subscribe('g_nowhere'),
      'large-message': async () => client.send(await this.thread('nobody'), 'x'.repeat(65_537)),
    };
    try {
      await failing[what]();
      return undefined;
    } catch (error) {
      return refusedOf(error);
    }
  }

  /** Names of threads asked for all at once. */
  async threads(threadIds: readonly string[]): Promise<string[]> {
    const all = await Promise.all(threadIds.map((threadId) => this.#client.threads.get(threadId)));
    return all.map(({ threadId }) => threadId);
  }

  /**
   * Opens a stream of its own by hand, with this Hello, and says one frame on it when it is welcomed: Hello again, or a message of
   * so many bytes. Resolves when the stream has ended.
   */
  async speak(deviceId: string, frame?: 'hello' | { readonly messageBytes: number }): Promise<Spoken> {
    const token = await this.#token();
    const frames: ServerFrame[] = [];
    const none = new Uint8Array() as never;
    const ofDevice = { deviceId, resumeToken: none, positions: [], sdk: undefined, apiRevision: 1 };
    const hello: Hello = { ...ofDevice, handOver: false, foreground: true, userSequence: 0n };
    const ended = await new Promise<ParleyError | undefined>((resolve) => {
      const stream = this.#carrier.open(hello, token, {
        frames: (told) => {
          const isFirst = frames.length === 0;
          frames.push(...told);
          if (isFirst && frame !== undefined) stream.send([{ requestId: 9n, frame: frameOf(frame, hello) }]);
        },
        ended: resolve,
      });
    });
    const goodbye = frames.flatMap((told) => (told.frame?.$case === 'goodbye' ? [told.frame.value] : []))[0];
    return {
      frames: frames.map((told) => told.frame?.$case ?? 'unknown'),
      goodbye: goodbye === undefined ? undefined : { reason: goodbye.reason, reconnect: goodbye.reconnect },
      ended: ended === undefined ? undefined : refusedOf(ended),
    };
  }
}

function frameOf(what: 'hello' | { readonly messageBytes: number }, hello: Hello): never {
  if (what === 'hello') return { $case: 'hello', value: hello } as never;
  const value = {
    threadId: 'd_nowhere',
    clientMessageId: 'large',
    content: { body: { $case: 'text', value: 'x'.repeat(what.messageBytes) }, contentType: '' },
    mentionIds: [],
    attachments: [],
    knownHead: 0n,
    replyTo: 0n,
  };
  return { $case: 'send', value } as never;
}

function refusedOf(error: unknown): Refused {
  if (!(error instanceof ParleyError)) throw error;
  const { reason, code, fields, message } = error;
  return { reason, code, fields: fields.map(({ field }) => field), message };
}
