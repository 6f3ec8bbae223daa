import type { Entry } from '#proto/parley/v1/entry.ts';
import type {
  ClientFrame,
  Hello,
  Send,
  SendResult,
  ServerFrame,
  Unsubscribe,
  Welcome,
} from '#proto/parley/v1/stream_service.ts';
import type { CarrierStream, StreamListener } from '../../core/carrier.ts';
import * as Code from '../../core/codes.ts';
import type { ParleyError } from '../../core/errors.ts';
import { entryOfDraft } from '../../core/fold.ts';
import { Ends } from './ends.ts';
import { HeardChannels } from './heard-channels.ts';
import type { Asked, Follower, Leader, Upstream } from './hub-parts.ts';
import { Interests } from './interests.ts';
import type { ToLeader } from './messages.ts';

type Told = NonNullable<ServerFrame['frame']>;

/** The leading tab's own client among the tabs, and what the hub asks for all the others. */
const own = '';
const others = 'others';
/** Of the frames that may be in flight, a following tab has this part. */
const part = 4;

/**
 * One session for all tabs of a user. The leading tab's client opens it as on a carrier; what the node tells goes to all
 * tabs, and what any of them says goes to the node, ids kept apart. What a device does itself is not told to it by the node:
 * the hub tells it to the other tabs. Each tab's client keeps its own order and fills its own holes; only the leading one acknowledges.
 */
export class Hub {
  readonly #leader: Leader;
  readonly #ends: Ends;
  readonly #interests = new Interests();
  readonly #followers = new Map<string, Follower>();
  readonly #channels = new HeardChannels();
  readonly #upstreams = new Set<Upstream>();
  /** The one that followers speak on: the last that caught up. */
  #current: Upstream | undefined;
  #listener: StreamListener | undefined;
  #nextId = 1n;
  #foreground = true;
  #resumeToken: Uint8Array = new Uint8Array();
  #userSequence = 0n;

  constructor(leader: Leader) {
    this.#leader = leader;
    this.#ends = new Ends(leader, (tab) => {
      this.leave(tab);
      // What it had no time to send is in the store.
      void leader.readDrafts();
    });
  }

  /** Opens the session for the leading tab's client. */
  open(hello: Hello, token: string, listener: StreamListener): CarrierStream {
    this.#foreground = hello.foreground;
    this.#resumeToken = hello.resumeToken;
    const stream = this.#leader.open({ ...hello, foreground: this.#isForeground() }, token, {
      frames: (frames, bytes) => this.#heard(upstream, listener, frames, bytes),
      ended: (error) => this.#ended(upstream, listener, error),
    });
    const upstream: Upstream = {
      stream,
      asked: new Map(),
      channels: new Set(),
      welcome: undefined,
      isCaughtUp: false,
    };
    this.#upstreams.add(upstream);
    return {
      send: (frames) => {
        const unread = frames.map(({ frame }) =>
          frame?.$case === 'markRead' ? this.#leader.unread(frame.value.position?.threadId ?? '') : 0,
        );
        this.#say(upstream, own, 0, frames, unread, listener);
      },
      close: () => stream.close(),
      abort: () => stream.abort(),
    };
  }

  /** Something that a following tab says. Answers the tab's id when it is new. */
  take(message: ToLeader): void {
    const { tab, stream } = message;
    const follower = this.#followers.get(tab);
    if (message.kind !== 'close') this.#leader.wire.post({ kind: 'noted', to: tab, stream });
    switch (message.kind) {
      case 'open':
        this.#ends.watch(tab);
        this.#followers.set(tab, { stream, foreground: message.hello.foreground, begun: false });
        if (this.#current !== undefined) {
          if (message.hello.foreground) this.#beat();
          this.#begin(this.#current, tab);
        }
        return;
      case 'say':
        // Let go as it seemed to end, which it has not.
        if (follower?.stream !== stream) this.#leader.wire.post({ kind: 'ended', to: tab, error: undefined });
        else if (this.#current !== undefined) {
          this.#say(this.#current, tab, stream, message.frames, message.unread, this.#listener);
        }
        return;
      case 'close':
        if (follower?.stream === stream) this.leave(tab);
    }
  }

  /** A following tab is gone. */
  leave(tab: string): void {
    if (this.#followers.delete(tab)) {
      this.#speak(this.#interests.forget(tab));
      this.#beat();
    }
  }

  /** The tab leads no more: the followers' streams are over. */
  stop(): void {
    this.#ends.stop();
    this.#current = undefined;
    this.#endFollowers(undefined);
  }

  #isForeground(): boolean {
    return this.#foreground || [...this.#followers.values()].some(({ foreground }) => foreground);
  }

  /** Says how it is with the foreground now. */
  #beat(): void {
    this.#speak([{ $case: 'heartbeat', value: { foreground: this.#isForeground() } }]);
  }

  #speak(says: readonly NonNullable<ClientFrame['frame']>[]): void {
    if (this.#current === undefined) return;
    for (const say of says) if (say.$case === 'unsubscribe') this.#forget(this.#current, say.value);
    if (says.length > 0) this.#current.stream.send(says.map((frame) => ({ requestId: 0n, frame })));
  }

  /** Frames of a tab's client on their way to the node. */
  #say(
    upstream: Upstream,
    tab: string,
    stream: number,
    frames: readonly ClientFrame[],
    unread: readonly number[],
    listener: StreamListener | undefined,
  ): void {
    const out: ClientFrame[] = [];
    const answers: Told[] = [];
    const answer = (requestId: bigint, ...told: Told[]): void => {
      if (requestId !== 0n) answers.push({ $case: 'reply', value: { requestId, result: undefined } });
      answers.push(...told);
    };
    for (const [at, { requestId, frame }] of frames.entries()) {
      let forward = frame;
      switch (frame?.$case) {
        case 'ack':
        case 'reauthenticate':
          if (tab === own) break;
          answer(requestId);
          continue;
        case 'heartbeat': {
          const follower = this.#followers.get(tab);
          const before = this.#isForeground();
          if (follower === undefined) this.#foreground = frame.value.foreground;
          else follower.foreground = frame.value.foreground;
          forward = { $case: 'heartbeat', value: { foreground: this.#isForeground() } };
          if (follower === undefined) break;
          // The leading tab's heart beats for all; this one only asks whether it does.
          answer(requestId, { $case: 'heartbeatReply', value: { serverTime: undefined, resumeToken: empty() } });
          if (before === this.#isForeground()) continue;
          out.push({ requestId: 0n, frame: forward });
          continue;
        }
        case 'subscribe': {
          const channel = this.#channels.of(frame.value);
          const isNews = this.#interests.add(tab, frame.value);
          // Had is what this session hears: what was refused, has no answer yet or was another session's must be asked for.
          const isHad = channel !== undefined && upstream.channels.has(channel.channelId);
          if (isNews || !isHad || this.#channels.lacks(frame.value)) {
            forward = { $case: 'subscribe', value: this.#channels.resumed(this.#interests.widest(frame.value)) };
            break;
          }
          answer(requestId, { $case: 'channelChanged', value: { channel } });
          continue;
        }
        case 'unsubscribe':
          if (this.#interests.remove(tab, frame.value)) {
            this.#forget(upstream, frame.value);
            break;
          }
          answer(requestId);
          continue;
        case 'watchPresence':
          forward = { $case: 'watchPresence', value: { userIds: this.#interests.watch(tab, frame.value.userIds) } };
          break;
        default:
      }
      let id = 0n;
      if (requestId !== 0n) id = this.#ask(upstream, { tab, stream, requestId, frame, unread: unread[at] ?? 0 });
      out.push({ requestId: id, frame: forward });
    }
    if (out.length > 0) upstream.stream.send(out);
    if (answers.length === 0) return;
    if (tab !== own) this.#tell(tab, stream, answers);
    // Never during the call.
    else queueMicrotask(() => this.#upstreams.has(upstream) && listener?.frames(framesOf(answers), 0));
  }

  /** Notes who asks, for the reply; gives the id to ask under. */
  #ask({ asked }: Upstream, what: Asked): bigint {
    const id = this.#nextId;
    this.#nextId += 1n;
    asked.set(id, what);
    return id;
  }

  /** Frames of the node. */
  #heard(upstream: Upstream, listener: StreamListener, frames: readonly ServerFrame[], bytes: number): void {
    const mine: ServerFrame[] = [];
    const all: Told[] = [];
    let caughtUp = false;
    for (const { frame } of frames) {
      if (frame === undefined) continue;
      switch (frame.$case) {
        case 'reply':
          this.#replied(upstream, frame, mine, all);
          continue;
        case 'welcome':
          upstream.welcome = frame.value;
          this.#interests.forget(own);
          break;
        case 'caughtUp':
          this.#userSequence = frame.value.userSequence;
          this.#keepToken(frame.value.resumeToken, all);
          caughtUp = true;
          break;
        case 'heartbeatReply':
          this.#keepToken(frame.value.resumeToken, all);
          break;
        case 'goodbye':
          break;
        default:
          this.#note(upstream, frame);
          all.push(frame);
      }
      mine.push({ frame });
    }
    listener.frames(mine, bytes);
    // After the leading client has them: what it says of itself to a tab that begins is then not older than what follows.
    if (all.length > 0) this.#tell(undefined, 0, all);
    if (caughtUp) this.#caughtUp(upstream, listener);
  }

  #keepToken(token: Uint8Array, all: Told[]): void {
    if (token.length === 0) return;
    this.#resumeToken = token;
    all.push({ $case: 'heartbeatReply', value: { serverTime: undefined, resumeToken: token as never } });
  }

  #note({ channels }: Upstream, frame: Told): void {
    this.#channels.note(frame);
    if (frame.$case === 'channelChanged' && frame.value.channel !== undefined) {
      channels.add(frame.value.channel.channelId);
    } else if (frame.$case === 'userEntriesAppended') {
      for (const { sequence } of frame.value.entries) {
        if (sequence > this.#userSequence) this.#userSequence = sequence;
      }
    }
  }

  /** The node tells no more of it. */
  #forget({ channels }: Upstream, { target }: Unsubscribe): void {
    if (target?.$case !== 'channelId') return;
    channels.delete(target.value);
    this.#channels.forget(target.value);
  }

  #replied(upstream: Upstream, frame: Extract<Told, { $case: 'reply' }>, mine: ServerFrame[], all: Told[]): void {
    const asked = upstream.asked.get(frame.value.requestId);
    if (asked === undefined) return;
    upstream.asked.delete(frame.value.requestId);
    const { tab, stream, requestId, unread } = asked;
    const reply: Told = { $case: 'reply', value: { ...frame.value, requestId } };
    if (tab === own) mine.push({ frame: reply });
    else this.#tell(tab, stream, [reply]);
    const { result } = frame.value;
    if (result?.$case === 'error') {
      if (asked.frame?.$case !== 'subscribe') return;
      this.#interests.refused(tab, asked.frame.value);
      upstream.channels.delete(asked.frame.value.target?.value ?? '');
      // They think that they have it: on a stream of their own each asks again, and knows how to go on.
      if (tab === others) this.#endFollowers(undefined);
      return;
    }
    let news: Told | undefined;
    if (asked.frame?.$case === 'send' && result?.$case === 'send') {
      news = this.#appended(asked.frame.value, result.value);
    } else if (asked.frame?.$case === 'markRead' && asked.frame.value.position !== undefined) {
      const { threadId, upToSequence } = asked.frame.value.position;
      const value = { threadId, readSequence: upToSequence, unreadCount: BigInt(unread) };
      news = { $case: 'readAdvanced', value };
    }
    if (news === undefined) return;
    all.push(news);
    if (tab !== own) mine.push({ frame: news });
  }

  #appended(send: Send, result: SendResult): Told | undefined {
    if (result.duplicate) {
      // Where the first sending had no reply, no tab was told, nor will be: each reads it from the log, as it is now.
      const head = this.#leader.heads().find(({ threadId }) => threadId === send.threadId);
      if (head === undefined || head.sequence >= result.sequence) return undefined;
      return { $case: 'headsChanged', value: { heads: [{ ...head, sequence: result.sequence }] } };
    }
    const entry: Entry = entryOfDraft(send, this.#leader.userId, this.#leader.deviceId, result);
    return { $case: 'entriesAppended', value: { threadId: send.threadId, epoch: result.epoch, entries: [entry] } };
  }

  #caughtUp(upstream: Upstream, listener: StreamListener): void {
    upstream.isCaughtUp = true;
    this.#current = upstream;
    this.#listener = listener;
    // On a session that took over from another, what the other tabs want is said again.
    const asks = this.#interests.besides(own).map((say) => {
      const frame = say.$case === 'subscribe' ? { ...say, value: this.#channels.resumed(say.value) } : say;
      return { requestId: this.#ask(upstream, { tab: others, stream: 0, requestId: 0n, frame, unread: 0 }), frame };
    });
    if (asks.length > 0) upstream.stream.send(asks);
    for (const [tab, { begun }] of this.#followers) if (!begun) this.#begin(upstream, tab);
    this.#leader.wire.post({ kind: 'live' });
  }

  /** Tells a tab where everything stands; from here on it is told what all are told. */
  #begin({ welcome }: Upstream, tab: string): void {
    const follower = this.#followers.get(tab);
    if (welcome === undefined || follower === undefined) return;
    follower.begun = true;
    const { limits } = welcome;
    const framesInFlight = Math.ceil((limits?.framesInFlight ?? 0) / part);
    const value: Welcome = {
      ...welcome,
      tokenExpireTime: undefined,
      resumed: false,
      limits: limits === undefined ? undefined : { ...limits, framesInFlight },
    };
    const frames = framesOf([
      { $case: 'welcome', value },
      { $case: 'headsChanged', value: { heads: [...this.#leader.heads()] } },
      { $case: 'caughtUp', value: { resumeToken: this.#resumeToken as never, userSequence: this.#userSequence } },
    ]);
    this.#leader.wire.post({ kind: 'tell', to: tab, stream: follower.stream, begins: true, frames });
  }

  #tell(to: string | undefined, stream: number, told: readonly Told[]): void {
    if (this.#followers.size === 0 || to === others) return;
    this.#leader.wire.post({ kind: 'tell', to, stream, begins: false, frames: framesOf(told) });
  }

  #ended(upstream: Upstream, listener: StreamListener, error: ParleyError | undefined): void {
    if (!this.#upstreams.delete(upstream)) return;
    if (this.#current === upstream) {
      this.#current = undefined;
      this.#endFollowers(error);
    } else {
      // Another session serves: what this one owed is asked of it again.
      const status = { code: Code.UNAVAILABLE, message: 'the session moved', details: [] };
      for (const { tab, stream, requestId } of upstream.asked.values()) {
        const value = { requestId, result: { $case: 'error', value: status } } as const;
        if (tab !== own) this.#tell(tab, stream, [{ $case: 'reply', value }]);
      }
    }
    listener.ended(error);
  }

  #endFollowers(error: ParleyError | undefined): void {
    for (const tab of this.#followers.keys()) this.leave(tab);
    const parts = error === undefined ? undefined : { reason: error.reason, code: error.code, message: error.message };
    this.#leader.wire.post({ kind: 'ended', to: undefined, error: parts });
  }
}

function framesOf(told: readonly Told[]): ServerFrame[] {
  return told.map((frame) => ({ frame }));
}

function empty(): never {
  return new Uint8Array() as never;
}
