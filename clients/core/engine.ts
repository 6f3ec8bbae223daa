import type { CaughtUp, Hello, Welcome } from '#proto/parley/v1/stream_service.ts';
import { Acks } from './acks.ts';
import { Caller } from './caller.ts';
import type { ClientOptions } from './client-options.ts';
import { Connection } from './connection.ts';
import type { ConnectionState } from './connection-state.ts';
import { Emitter } from './emitter.ts';
import { anotherUser } from './errors.ts';
import type { ClientEvents } from './events.ts';
import { Outbox } from './outbox.ts';
import { PresenceBook } from './presence-book.ts';
import { Reauthentication } from './reauthentication.ts';
import { Receipts } from './receipts.ts';
import { Repair } from './repair.ts';
import { systemRuntime } from './runtime.ts';
import type { Runtime } from './runtime.ts';
import type { Session, Told } from './session.ts';
import { ThreadLogs } from './thread-logs.ts';
import { Tokens } from './tokens.ts';
import { TypingState } from './typing.ts';
import { UserLog } from './user-log.ts';
import { Wishes } from './wishes.ts';

/** Frames that may wait for a reply, until Welcome says how many. */
const defaultFramesInFlight = 16;

/** The parts of a client, and which frame goes to which. ParleyClient is its face. */
export class Engine {
  readonly options: ClientOptions;
  readonly runtime: Runtime;
  readonly emitter: Emitter<ClientEvents>;
  readonly caller: Caller;
  readonly connection: Connection;
  readonly outbox: Outbox;
  readonly logs: ThreadLogs;
  readonly acks: Acks;
  readonly receipts = new Receipts();
  readonly presences = new PresenceBook();
  readonly typing: TypingState;
  readonly wishes: Wishes;
  readonly #userLog: UserLog;
  readonly #repair: Repair;
  readonly #reauthentication: Reauthentication;
  #resumeToken: Uint8Array = new Uint8Array();
  userId: string;
  foreground: boolean;

  constructor(options: ClientOptions) {
    const runtime = options.runtime ?? systemRuntime;
    const tokens = new Tokens(options.getToken, runtime, options.userId);
    const emitter = new Emitter<ClientEvents>(runtime);
    this.options = options;
    this.runtime = runtime;
    this.emitter = emitter;
    this.foreground = options.foreground ?? true;
    this.userId = options.userId ?? '';
    this.caller = new Caller(options.carrier, tokens, runtime);
    this.acks = new Acks(runtime, options.resume);
    this.#repair = new Repair(runtime);
    this.wishes = new Wishes(runtime);
    this.typing = new TypingState(runtime, (typing) => emitter.emit('typing', typing));
    this.#reauthentication = new Reauthentication(tokens, runtime);
    this.#userLog = new UserLog(this.caller, this.#repair, (entry) => emitter.emit('userEntry', entry));
    this.logs = new ThreadLogs(
      {
        keepItems: options.keepItems ?? 1000,
        skipped: options.skipped ?? 'fetch',
        acknowledge: options.acknowledge ?? 'when-told',
      },
      {
        emitter,
        acks: this.acks,
        repair: this.#repair,
        caller: this.caller,
        me: () => this.userId,
        restarted: (threadId) => this.receipts.forget(threadId),
        wrote: (threadId, userId) => this.typing.wrote(threadId, userId),
      },
    );
    const { maxDrafts = 1000, maxBytes = 4 * 1024 * 1024, inFlightPerThread = 1 } = options.outbox ?? {};
    this.outbox = new Outbox(
      runtime,
      { maxDrafts, maxBytes, inFlightPerThread, store: options.drafts },
      {
        added: (draft) => emitter.emit('draft', draft),
        sent: (draft, result) => {
          this.logs.sent(draft, options.deviceId, result);
          emitter.emit('sent', { draft, result });
        },
        failed: (draft, error) => emitter.emit('sendFailed', { draft, error }),
      },
    );
    this.connection = new Connection(options.carrier, tokens, runtime, {
      hello: (handOver) => this.#hello(handOver),
      state: (state) => this.#changed(state),
      welcome: (session, welcome) => this.#welcome(session, welcome),
      told: (session, frame) => this.#told(session, frame),
      batch: (_session, bytes) => this.acks.batch(bytes),
      caughtUp: (session, caughtUp) => this.#caughtUp(session, caughtUp),
      resumeToken: (token) => {
        this.#resumeToken = token ?? new Uint8Array();
        if (token !== undefined) this.#saveResume();
      },
    });
  }

  /** Reads the stores. */
  async load(): Promise<void> {
    const { resume, heads = [] } = (await this.options.resume?.load()) ?? {};
    for (const head of heads) this.logs.restore(head);
    if (resume !== undefined) {
      this.#resumeToken = resume.token;
      this.#userLog.restore(resume.userEpoch, resume.userSequence);
    }
    await this.outbox.load();
  }

  /** Stops all that has time of its own. */
  stop(): void {
    this.#repair.pause();
    this.#reauthentication.stop();
    this.wishes.stop();
    this.typing.stop();
    this.acks.stop();
  }

  #hello(handOver: boolean): Hello {
    const { name, version } = this.options.carrier;
    return {
      deviceId: this.options.deviceId,
      // Codecs of browsers have Uint8Array, node's generated types say Buffer.
      resumeToken: this.#resumeToken as never,
      // Without a token the server cannot tell whether they are of this life of its store: then they are told after the heads.
      positions: this.acks.positions(this.#resumeToken.length === 0),
      sdk: { name, version },
      apiRevision: 1,
      handOver,
      foreground: this.foreground,
      userSequence: this.#userLog.held,
    };
  }

  #welcome(session: Session, welcome: Welcome): void {
    const { userId } = this.options;
    if (userId !== undefined && userId !== welcome.userId) {
      // Nothing of it is told: what is kept here is another's.
      this.connection.close('refused', anotherUser(welcome.userId));
      return;
    }
    this.userId = welcome.userId;
    this.#userLog.opened(welcome.userEpoch);
    // All logs of a deployment share their epoch.
    if (!welcome.resumed) this.logs.startOver(welcome.userEpoch);
    this.#reauthentication.start(session, welcome);
    this.wishes.use(session);
    // While an old stream still serves, drafts and positions go there until this one is caught up.
    if (this.connection.session === session) this.#use(session);
  }

  #use(session: Session): void {
    this.acks.use(session);
    this.outbox.use(session, session.welcome?.limits?.framesInFlight ?? defaultFramesInFlight);
  }

  #caughtUp(session: Session, caughtUp: CaughtUp): void {
    this.#use(session);
    this.#repair.resume();
    this.#userLog.caughtUp(caughtUp.userSequence);
    this.#saveResume();
    this.logs.lookAtAll((threadId) => this.wishes.hasThread(threadId));
    const { sessionId = '', resumed = false } = session.welcome ?? {};
    this.emitter.emit('caughtUp', { sessionId, resumed });
  }

  #told(session: Session, frame: Told): void {
    switch (frame.$case) {
      case 'entriesAppended':
        this.logs.appended(frame.value);
        return;
      case 'headsChanged':
        this.logs.heads(frame.value.heads, !session.isCaughtUp);
        return;
      case 'skipped':
        this.#skipped(session, frame.value);
        return;
      case 'receiptAdvanced':
        if (this.receipts.advance(frame.value)) this.emitter.emit('receipt', frame.value);
        return;
      case 'receiptCounts':
        this.receipts.count(frame.value);
        this.emitter.emit('receipt', { threadId: frame.value.threadId, counts: frame.value });
        return;
      case 'readAdvanced':
        this.logs.readTo(frame.value.threadId, frame.value.readSequence, frame.value.unreadCount);
        this.emitter.emit('read', frame.value);
        return;
      case 'presenceChanged': {
        const news = this.presences.take(frame.value.presences);
        if (news.length > 0) this.emitter.emit('presence', news);
        return;
      }
      case 'typingChanged':
        this.typing.heard(frame.value);
        return;
      case 'commentBatch': {
        const batch = this.wishes.comments(frame.value);
        if (batch !== undefined) this.emitter.emit('comments', batch);
        return;
      }
      case 'channelChanged':
        if (frame.value.channel === undefined) return;
        this.wishes.heard(session, frame.value.channel);
        this.emitter.emit('channel', frame.value.channel);
        return;
      case 'channelStats':
        this.emitter.emit('channelStats', frame.value);
        return;
      case 'userEntriesAppended':
        this.#userLog.appended(frame.value.entries);
        return;
    }
  }

  #skipped(session: Session, frame: Extract<Told, { $case: 'skipped' }>['value']): void {
    switch (frame.what?.$case) {
      case 'threadId':
        this.logs.skipped(frame.what.value, frame);
        return;
      case 'channelId': {
        const channelId = frame.what.value;
        const skipped = this.wishes.skipped(session, channelId, frame);
        if (skipped !== undefined) this.emitter.emit('commentsSkipped', { channelId, ...skipped });
        return;
      }
      case 'userLog':
        this.#userLog.skipped(frame.to);
        return;
      case undefined:
    }
  }

  #changed(state: ConnectionState): void {
    if (state.phase === 'idle') this.wishes.stop();
    if (state.phase === 'waiting' || state.phase === 'connecting' || state.phase === 'idle') {
      this.#repair.pause();
      this.#reauthentication.stop();
      this.wishes.pause();
    }
    if (state.phase === 'closed') {
      this.stop();
      // Nothing will be sent any more: what waits is told so, and is in the store if there is one.
      this.outbox.close();
    }
    this.emitter.emit('connection', state);
  }

  #saveResume(): void {
    const state = { token: this.#resumeToken, userEpoch: this.#userLog.epoch, userSequence: this.#userLog.held };
    this.options.resume?.save(state).catch((error: unknown) => this.runtime.report(error));
  }
}
