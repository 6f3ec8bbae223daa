import type { ClientFrame, PublishComment, Send } from '#proto/parley/v1/stream_service.ts';
import type { Identity } from '../auth/verifier.ts';
import type { Caller } from '../chat/caller.ts';
import type { Channels } from '../chat/channels.ts';
import { type Devices, seenEveryMs } from '../chat/devices.ts';
import type { Limits } from '../chat/limits.ts';
import type { SendMessage } from '../chat/send-message.ts';
import { invalidField, Refusal } from '../core/errors.ts';
import {
  parseChannelId,
  parseClientId,
  parseThreadId,
  type ChannelId,
  type SessionId,
  type ThreadId,
} from '../core/ids.ts';
import type { ReplyResult } from '../delivery/frames.ts';
import type { Session } from '../delivery/session.ts';
import { classFromProto, commentFromProto, resumeFromProto } from './convert/comment.ts';
import { bodyFromProto } from './convert/content.ts';
import { refusalOf } from './errors.ts';
import type { Trace } from './trace.ts';
import { parseOptionalSequence, parseUserIds, required } from './validate.ts';

/** What ties the log lines of one stream together. */
export interface StreamIds extends Trace {
  /** Absent before there is a session. */
  readonly session?: SessionId;
}

export interface FrameServices {
  readonly sendMessage: SendMessage;
  readonly channels: Channels;
  readonly devices: Pick<Devices, 'met'>;
  readonly limits: Limits;
  /** The identity of a bearer token. @throws Refusal TOKEN_… */
  readonly verify: (token: string) => Promise<Identity>;
  /** Logs a bug and returns the id it is logged under. */
  readonly report: (cause: unknown, ids: StreamIds) => string;
  readonly observeFrame: (kind: string, reason: string) => void;
}

const done: ReplyResult = { kind: 'done' };

/** What is done with the frames of one session after Hello. */
export class StreamFrames {
  readonly #session: Session;
  readonly #caller: Caller;
  readonly #services: FrameServices;
  readonly #maxInFlight: number;
  readonly #ids: StreamIds;
  #inFlight = 0;
  /** Wall ms when it was last noted that the device is there: at its Hello, then about once an hour. */
  #seenMs: number;
  #onIdle: (() => void) | undefined;

  constructor(session: Session, caller: Caller, services: FrameServices, maxInFlight: number, ids: StreamIds) {
    this.#session = session;
    this.#caller = caller;
    this.#services = services;
    this.#maxInFlight = maxInFlight;
    this.#ids = ids;
    this.#seenMs = session.lastBeatMs;
  }

  /** Takes a frame. Frames of one thread take effect in the order they are taken. Never throws. */
  take(frame: ClientFrame): void {
    // It can take nothing any more, and would be told nothing.
    if (this.#session.phase === 'ended') return;
    const kind = frame.frame?.$case ?? 'unknown';
    if (this.#inFlight >= this.#maxInFlight) {
      const message = `more than ${this.#maxInFlight} frames wait for their reply: wait for some of them`;
      this.#refuse(frame.requestId, kind, new Refusal('TOO_MANY_FRAMES', message));
      return;
    }
    try {
      const result = this.#act(frame);
      if (result instanceof Promise) {
        this.#inFlight += 1;
        result.then(
          (settled) => {
            this.#session.reply(frame.requestId, settled ?? done);
            this.#settled();
          },
          (error: unknown) => {
            this.#refuse(frame.requestId, kind, error);
            this.#settled();
          },
        );
      } else {
        this.#session.reply(frame.requestId, done);
      }
    } catch (error) {
      this.#refuse(frame.requestId, kind, error);
    }
  }

  /** Calls back once nothing waits for its reply; at once if nothing does. */
  whenIdle(callback: () => void): void {
    if (this.#inFlight === 0) callback();
    else this.#onIdle = callback;
  }

  #settled(): void {
    this.#inFlight -= 1;
    if (this.#inFlight > 0 || this.#onIdle === undefined) return;
    const callback = this.#onIdle;
    this.#onIdle = undefined;
    callback();
  }

  #heartbeat(foreground: boolean): void {
    this.#session.heartbeat(foreground);
    const { lastBeatMs, identity } = this.#session;
    if (lastBeatMs - this.#seenMs < seenEveryMs) return;
    this.#seenMs = lastBeatMs;
    // What cannot be read or written now is looked at an hour later.
    this.#services.devices.met(identity.userId, identity.deviceId).catch((error: unknown) => {
      if (error instanceof Refusal && error.reason === 'SIGNED_OUT') this.#session.end('signed-out', error);
    });
  }

  #refuse(requestId: bigint, kind: string, error: unknown): void {
    const refusal = refusalOf(error, (cause) => this.#services.report(cause, this.#ids));
    this.#services.observeFrame(kind, refusal.reason);
    this.#session.reply(requestId, { kind: 'error', refusal });
  }

  #act({ requestId, frame }: ClientFrame): Promise<ReplyResult | void> | undefined {
    switch (frame?.$case) {
      case 'send':
        return this.#send(frame.value, requestId);
      case 'ack': {
        const { threadId, upToSequence } = positionOf(frame.value.position, 'ack.position');
        return this.#session.acknowledge(threadId, upToSequence);
      }
      case 'markRead': {
        const { threadId, upToSequence } = positionOf(frame.value.position, 'mark_read.position');
        return this.#session.markRead(threadId, upToSequence, requestId !== 0n);
      }
      case 'typing': {
        const threadId = parseThreadId(frame.value.threadId, 'typing.thread_id');
        this.#services.limits.take(this.#caller.userId, 'typing');
        return this.#session.typing(threadId, frame.value.active);
      }
      case 'subscribe': {
        const target = frame.value.target;
        if (target?.$case === 'threadId') {
          return this.#session.subscribe(parseThreadId(target.value, 'subscribe.thread_id'));
        }
        const channelId = channelOf(target, 'subscribe');
        const [deliveryClass, resume] = [classFromProto(frame.value), resumeFromProto(frame.value)];
        return this.#session.channels.subscribe(channelId, deliveryClass, resume);
      }
      case 'unsubscribe': {
        const target = frame.value.target;
        if (target?.$case === 'threadId') {
          this.#session.unsubscribe(parseThreadId(target.value, 'unsubscribe.thread_id'));
        } else {
          this.#session.channels.unsubscribe(channelOf(target, 'unsubscribe'));
        }
        return undefined;
      }
      case 'watchPresence': {
        const users = parseUserIds(frame.value.userIds, 0, 1_000, 'watch_presence.user_ids');
        return this.#session.watchPresence(users);
      }
      case 'heartbeat':
        this.#heartbeat(frame.value.foreground);
        return undefined;
      case 'publishComment':
        return this.#publishComment(frame.value);
      case 'reauthenticate':
        return this.#reauthenticate(frame.value.token);
      default:
        // Hello again is seen before; what is left is newer than this server, or nothing at all.
        throw new Refusal('UNKNOWN_FRAME', 'the server does not know this kind of frame: it is older than the client');
    }
  }

  async #send(send: Send, requestId: bigint): Promise<ReplyResult> {
    const threadId = parseThreadId(send.threadId, 'send.thread_id');
    // Where no Reply will stand for the entry, the session hears it as the others do.
    const caller = requestId === 0n ? withoutSession(this.#caller) : this.#caller;
    const outcome = await this.#services.sendMessage.send(caller, {
      threadId,
      clientMessageId: parseClientId(send.clientMessageId, 'send.client_message_id'),
      knownHead: parseOptionalSequence(send.knownHead, 'send.known_head'),
      expectedSequence: send.expectedSequence,
      replyTo: parseOptionalSequence(send.replyTo, 'send.reply_to'),
      body: bodyFromProto(send, 'send.'),
    });
    const { sequence, ordinal, epoch, createTimeMs, duplicate } = outcome;
    return { kind: 'sent', threadId, sequence, ordinal, epoch, createTimeMs, duplicate };
  }

  async #publishComment(request: PublishComment): Promise<ReplyResult> {
    const channelId = parseChannelId(request.channelId, 'publish_comment.channel_id');
    const draft = commentFromProto(request, 'publish_comment.');
    const { comment, epoch, duplicate } = await this.#services.channels.publish(this.#caller, channelId, draft);
    const { number, createTimeMs } = comment;
    return { kind: 'commented', channelId, number, epoch, createTimeMs, duplicate };
  }

  async #reauthenticate(token: string): Promise<ReplyResult> {
    const identity = await this.#services.verify(token);
    if (identity.userId !== this.#caller.userId) {
      throw new Refusal('TOKEN_INVALID', 'the token is of another user: open another stream for them');
    }
    if (identity.deviceId !== undefined && identity.deviceId !== this.#caller.deviceId) {
      throw new Refusal('TOKEN_INVALID', 'the token is bound to another device');
    }
    this.#session.reauthenticated(identity.expiresMs);
    return { kind: 'reauthenticated', tokenExpiresMs: identity.expiresMs };
  }
}

function withoutSession({ userId, deviceId, claims }: Caller): Caller {
  return { userId, deviceId, claims };
}

function positionOf(
  position: { readonly threadId: string; readonly upToSequence: bigint } | undefined,
  field: string,
): { threadId: ThreadId; upToSequence: bigint } {
  const { threadId, upToSequence } = required(position, field);
  return {
    threadId: parseThreadId(threadId, `${field}.thread_id`),
    upToSequence: parseOptionalSequence(upToSequence, `${field}.up_to_sequence`),
  };
}

function channelOf(target: { readonly $case: string; readonly value: string } | undefined, field: string): ChannelId {
  if (target === undefined) throw invalidField(`${field}.target`, 'must name a thread or a channel');
  return parseChannelId(target.value, `${field}.channel_id`);
}
