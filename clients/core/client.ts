import type { SendResult } from '#proto/parley/v1/stream_service.ts';
import type { Presence } from '#proto/parley/v1/presence.ts';
import type { Message, ThreadHead } from '#proto/parley/v1/thread.ts';
import { ThreadCalls } from './calls.ts';
import type { Page } from './calls.ts';
import { laterCalls } from './calls-later.ts';
import type { Later } from './calls-later.ts';
import type { CallLimits } from './caller.ts';
import type { ClientOptions } from './client-options.ts';
import type { ConnectionState } from './connection-state.ts';
import { contentOf } from './content.ts';
import type { MessageBody } from './content.ts';
import type { Draft } from './draft.ts';
import { Engine } from './engine.ts';
import * as Code from './codes.ts';
import { localError } from './errors.ts';
import type { ClientEvents } from './events.ts';
import type { Item } from './fold.ts';
import { inTime } from './later.ts';
import type { Path, RequestOf, ResponseOf } from './methods.ts';
import type { Ticks } from './receipts.ts';
import type { ChannelWish } from './wishes.ts';

/** After `close`, what was handed over before goes out within this time, or not at all. */
const farewellMs = 1000;

export interface SendOptions {
  /** Sequence of the message it answers. */
  readonly replyTo?: bigint;
  /** Default: what this device holds of the thread. Give the sequence the author had seen, when that is less. */
  readonly knownHead?: bigint;
  /** Only as exactly this sequence, else SEQUENCE_MISMATCH. */
  readonly expectedSequence?: bigint;
  /** Default: a new one. Give it when the application makes its own ids; unique per user and thread, for ever. */
  readonly clientMessageId?: string;
}

/**
 * One device of a user. It keeps a stream open, tells what happens as events, sends and acknowledges, and makes calls.
 * Made for one process to hold a thousand: it owns no timer beside the heartbeat's while nothing happens.
 *
 * Every method that answers a promise rejects with a ParleyError. Handlers run inside the stream's order: they should
 * be quick and not throw (what they throw goes to `Runtime.report`).
 */
export class ParleyClient implements AsyncDisposable {
  readonly deviceId: string;
  readonly threads: ThreadCalls & Later<'MoreThreadCalls'>;
  readonly groups: Later<'GroupCalls'>;
  readonly messages: Later<'MessageCalls'>;
  readonly history: Later<'HistoryCalls'>;
  readonly people: Later<'PeopleCalls'>;
  readonly account: Later<'AccountCalls'>;
  readonly receipts: Later<'ReceiptCalls'>;
  readonly #engine: Engine;
  #loaded: Promise<void> | undefined;

  constructor(options: ClientOptions) {
    const engine = new Engine(options);
    const { caller, runtime } = engine;
    this.#engine = engine;
    this.deviceId = options.deviceId;
    const later = laterCalls(caller, runtime);
    this.threads = Object.assign(
      new ThreadCalls(caller),
      later('MoreThreadCalls', 'members', 'updateSettings', 'setRetention', 'retention'),
    );
    this.groups = later('GroupCalls', 'create', 'add', 'remove', 'leave', 'setRole', 'update');
    this.messages = later('MessageCalls', 'edit', 'delete', 'react');
    this.history = later('HistoryCalls', 'messages', 'message', 'entries');
    this.people = later('PeopleCalls', 'profiles', 'updateProfile', 'list', 'presences', 'block', 'unblock', 'blocked');
    this.account = later(
      'AccountCalls',
      'settings',
      'updateSettings',
      'entries',
      'registerDevice',
      'devices',
      'removeDevice',
    );
    this.receipts = later('ReceiptCalls', 'list', 'all');
  }

  /** The user that the token names; empty until the first Welcome. */
  get userId(): string {
    return this.#engine.userId;
  }

  get connection(): ConnectionState {
    return this.#engine.connection.state;
  }

  /** Listens to an event; the answer takes the handler away again. */
  on<K extends keyof ClientEvents>(name: K, handler: (event: ClientEvents[K]) => void): () => void {
    return this.#engine.emitter.on(name, handler);
  }

  /**
   * Reads the stores and opens the first stream, or opens one again after `suspend`. Resolves before it is open: see `ready`.
   * Rejects when a store fails.
   */
  async start(): Promise<void> {
    this.#loaded ??= this.#engine.load();
    await this.#loaded;
    this.#engine.connection.start();
  }

  /** Drops the stream and opens none until `start`; nothing is lost. For a process that is about to be stopped in its tracks. */
  suspend(): void {
    this.#engine.acks.flush();
    this.#engine.connection.suspend();
  }

  /** Resolves when the stream is live (at once when it is). Rejects when the connection is closed for good. */
  ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (state: ConnectionState): boolean => {
        if (state.phase === 'live') resolve();
        else if (state.phase === 'closed') {
          reject(
            state.error ?? localError('CLIENT_CLOSED', `the connection is closed: ${state.reason}`, Code.CANCELLED),
          );
        } else return false;
        return true;
      };
      if (settle(this.connection)) return;
      const off = this.on('connection', (state) => {
        if (settle(state)) off();
      });
    });
  }

  /** Ends everything; drafts in a store are sent by the next client on it. Idempotent. */
  async close(): Promise<void> {
    this.#engine.acks.flush();
    const { connection, options, runtime } = this.#engine;
    connection.close();
    // A stream that is stuck somewhere would go on for as long as that.
    await inTime(() => connection.gone(), runtime, farewellMs).catch(() => connection.drop());
    options.carrier.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Sends a message. Resolves when it is durable on the server, however long that takes: through reconnects, and with a
   * draft store through restarts (then told by the event `sent`). Messages of a thread keep the order of the calls.
   * Rejects when it was refused for good, when the outbox is full, and with CLIENT_CLOSED when the client is closed first.
   */
  send(threadId: string, body: MessageBody | string, options: SendOptions = {}): Promise<SendResult> {
    return this.#engine.outbox.add({
      threadId,
      clientMessageId: options.clientMessageId ?? this.#engine.runtime.newId(),
      knownHead: options.knownHead ?? this.#engine.logs.held(threadId),
      expectedSequence: options.expectedSequence,
      replyTo: options.replyTo ?? 0n,
      ...contentOf(typeof body === 'string' ? { text: body } : body),
    });
  }

  /** Drafts of a thread that have no answer yet, in order. */
  drafts(threadId: string): Draft[] {
    return this.#engine.outbox.drafts(threadId);
  }

  /** Takes in drafts that another process has put into the same store since; those that are known stay as they are. */
  async readDrafts(): Promise<void> {
    await this.#engine.outbox.load();
  }

  /** Drafts of all threads without an answer. */
  get draftCount(): number {
    return this.#engine.outbox.size;
  }

  /** Says that the device holds a thread up to a sequence. Only with `acknowledge: 'by-hand'`. */
  ack(threadId: string, upTo: bigint): void {
    this.#engine.acks.holds(threadId, upTo, 0);
  }

  /** The user has read a thread up to a sequence; default: all that this device holds. Told at once or within a second. */
  markRead(threadId: string, upTo: bigint = this.#engine.logs.held(threadId)): void {
    const { acks, emitter, logs } = this.#engine;
    acks.reads(threadId, upTo);
    if (!logs.readTo(threadId, upTo)) return;
    emitter.emit('read', { threadId, readSequence: upTo, unreadCount: BigInt(logs.unread(threadId)) });
  }

  /** The user types, or stopped. Call it at every key: it is said no oftener than needed, and not kept while offline. */
  typing(threadId: string, active: boolean): void {
    this.#engine.typing.say(this.#engine.connection.session, threadId, active);
  }

  /** Who types in a thread that is on screen. */
  whoTypes(threadId: string): string[] {
    return this.#engine.typing.who(threadId);
  }

  /**
   * The thread is on screen: its typing and receipts come too, and `ticks` answers for its messages. Stays so through
   * reconnects until `unsubscribe`. At most 20 threads (LIMIT_REACHED).
   */
  async subscribe(threadId: string): Promise<void> {
    this.#engine.logs.look(threadId);
    await this.#engine.wishes.thread(threadId);
  }

  unsubscribe(threadId: string): void {
    this.#engine.wishes.forgetThread(threadId);
  }

  /**
   * Hears a channel's comments. At most 20 channels. Rejects when it is refused; what a later stream refuses for now is asked for again until it
   * is heard, or not wanted.
   */
  async subscribeChannel(channelId: string, wish: ChannelWish = { delivery: 'everything' }): Promise<void> {
    await this.#engine.wishes.channel(channelId, wish);
  }

  unsubscribeChannel(channelId: string): void {
    this.#engine.wishes.forgetChannel(channelId);
  }

  /** Whose presence to hear from now on, the whole list, at most 200. The present states come as events at once. */
  async watchPresence(userIds: readonly string[]): Promise<void> {
    this.#engine.presences.keep(userIds);
    await this.#engine.wishes.watch(userIds);
  }

  /** The last known presence of someone watched. */
  presence(userId: string): Presence | undefined {
    return this.#engine.presences.of(userId);
  }

  /** What became of one of the user's own messages, as far as it was told. */
  ticks(threadId: string, sequence: bigint): Ticks {
    return this.#engine.receipts.ticks(threadId, sequence, this.#engine.userId);
  }

  /** Reads all members' positions, so that `ticks` knows what was before this device listened; tells what is news. */
  async readReceipts(threadId: string, limits?: CallLimits): Promise<void> {
    for (const each of await this.receipts.all(threadId, limits)) {
      const receipt = { threadId, ...each };
      if (this.#engine.receipts.advance(receipt)) this.#engine.emitter.emit('receipt', receipt);
    }
  }

  /** Reads a page of messages and puts it among the thread's items. Answers tokens for the pages around it. */
  async readHistory(
    threadId: string,
    page: Page & { before?: bigint } = {},
    limits?: CallLimits,
  ): Promise<{ count: number; olderPageToken: string }> {
    const { before, pageSize = 0, pageToken = '' } = page;
    const anchor = before === undefined ? undefined : ({ $case: 'beforeSequence', value: before } as const);
    const request = { threadId, pageSize, pageToken, anchor };
    const path = '/parley.v1.HistoryService/ListMessages';
    const { messages, head, olderPageToken } = await this.call(path, request, limits);
    this.#engine.logs.putHistory(threadId, messages, head);
    return { count: messages.length, olderPageToken };
  }

  /** Lines of a thread in ascending order: what was told and what `readHistory` read, at most `keepItems`. */
  items(threadId: string): Item[] {
    return this.#engine.logs.fold(threadId)?.items() ?? [];
  }

  /** A message of `items`, as it is now. */
  message(threadId: string, sequence: bigint): Message | undefined {
    return this.#engine.logs.fold(threadId)?.message(sequence);
  }

  /** Puts lines among `items` that the application kept when it held the thread up to `asOf` (`heads`). */
  putKept(threadId: string, epoch: bigint, items: readonly Item[], asOf: bigint): void {
    this.#engine.logs.putKept(threadId, epoch, items, asOf);
  }

  /**
   * Where threads stand here: heads with all that came since; `delivered_sequence` is what this device holds. Default: of all
   * threads that were told of. An application that keeps them gives them to the next process (`ResumeStore`).
   */
  heads(threadIds: readonly string[] = this.#engine.logs.threadIds): ThreadHead[] {
    return threadIds.flatMap((threadId) => this.#engine.logs.place(threadId) ?? []);
  }

  /** Where a thread stood when the server last told. */
  head(threadId: string): ThreadHead | undefined {
    return this.#engine.logs.head(threadId);
  }

  /** The sequence up to which this device holds a thread. */
  held(threadId: string): bigint {
    return this.#engine.logs.held(threadId);
  }

  /** Messages of a thread after the user's read position, counted on from what the server told. */
  unread(threadId: string): number {
    return this.#engine.logs.unread(threadId);
  }

  /**
   * Whether the app is in front of the user; told at once, and with it what was held back of acknowledgements and reading: an app behind may
   * be ended at any moment. Also asks whether the stream still lives, or tries again now.
   */
  setForeground(foreground: boolean): void {
    this.#engine.foreground = foreground;
    this.#engine.acks.flush();
    this.#engine.connection.wake(foreground);
  }

  /** The network is back, or another: opens a new stream at once instead of waiting for the old one to fail. */
  reconnect(): void {
    this.#engine.connection.reopen();
  }

  /** Any unary call, by its path on the wire. */
  call<P extends Path>(path: P, request: RequestOf<P>, limits?: CallLimits): Promise<ResponseOf<P>> {
    return this.#engine.caller.call(path, request, limits);
  }
}
