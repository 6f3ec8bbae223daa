import { hash } from 'node:crypto';
import type { Attachment, Body, NewEntry } from '../core/entry.ts';
import { Refusal, threadNotFound } from '../core/errors.ts';
import { isService, systemUser, type UserId } from '../core/ids.ts';
import type { Receipts } from '../delivery/receipts.ts';
import type { ThreadView } from '../delivery/thread-views.ts';
import type { AppendRequest } from './append-request.ts';
import type { Appender } from './appender.ts';
import type { Caller } from './caller.ts';
import type { AppendOutcome, Draft } from './draft.ts';
import type { RoutedSend } from './send-router.ts';

/** What sending asks of the rules about people. */
export interface SendRules {
  /** Takes one from the user's allowance. @throws Refusal RATE_LIMITED */
  takeSend(userId: UserId): void;
  /** @throws Refusal NOT_ACCEPTED when the other user of a direct thread does not take messages from the sender. */
  checkDirectSend(sender: UserId, view: ThreadView): Promise<void> | undefined;
  /** @throws Refusal MESSAGE_NOT_FOUND when the sender cannot see a message at that sequence. */
  checkReplyTo(sender: UserId, view: ThreadView, replyTo: bigint): Promise<void>;
}

/** Sends messages. The reply means durable. */
export class SendMessage {
  readonly #appender: Appender;
  readonly #receipts: Receipts;
  readonly #rules: SendRules;

  constructor(appender: Appender, receipts: Receipts, rules: SendRules) {
    this.#appender = appender;
    this.#receipts = receipts;
    this.#rules = rules;
  }

  /** Drafts of one caller to one thread are appended in the order of the calls. Nothing is awaited before the draft has its place in the queue. */
  async send(caller: Caller, draft: Draft): Promise<AppendOutcome> {
    // What a service sends, also for a user, is of the service's allowance.
    if (caller.service === undefined) this.#rules.takeSend(caller.userId);
    const { userId, deviceId, sessionId } = caller;
    const send: RoutedSend = { userId, deviceId, sessionId, draft };
    const { threadId, knownHead } = draft;
    const request = this.#request(send, caller.signal);
    let isMember = false;
    const outcome = await this.#appender.append(threadId, {
      ...request,
      routable: send,
      build(view, next) {
        const entries = request.build(view, next);
        isMember = true;
        return entries;
      },
    });
    if (userId === systemUser) return outcome;
    // Where its node died, or did not answer, nobody has done so for the first one; who was removed since reads no more.
    if (!outcome.duplicate || isMember) {
      const { sequence, ordinal } = outcome;
      // A receipt that cannot be looked up just now is not worth the send's reply.
      this.#receipts.sent(userId, threadId, sequence, ordinal, knownHead, sessionId).catch(() => undefined);
    }
    return outcome;
  }

  /** Appends here what came in at another node, which sees to the rest. */
  sendRouted(send: RoutedSend, signal?: AbortSignal): Promise<AppendOutcome> {
    return this.#appender.append(send.draft.threadId, this.#request(send, signal));
  }

  #request({ userId, deviceId, sessionId, draft }: RoutedSend, signal?: AbortSignal): AppendRequest {
    const { clientMessageId, knownHead, expectedSequence, replyTo, body } = draft;
    // Which service says it is a part of what is said: two that chose the same id learn of it.
    const fingerprint = fingerprintOf(replyTo, body, isService(deviceId) ? deviceId : '');
    return {
      senderId: userId,
      clientMessageId,
      fingerprint,
      knownHead,
      ...(sessionId === undefined ? {} : { origin: sessionId }),
      ...(signal === undefined ? {} : { signal }),
      prepare: (view) => this.#prepare(userId, view, replyTo),
      build: (view, next): NewEntry[] => {
        if (view === undefined || !maySend(view, userId)) throw threadNotFound();
        if (expectedSequence !== undefined && expectedSequence !== next) {
          const message = `the message would get sequence ${next}, not the expected one: look at what came before`;
          throw new Refusal('SEQUENCE_MISMATCH', message);
        }
        return [
          {
            senderId: userId,
            deviceId,
            clientMessageId,
            fingerprint,
            change: { kind: 'message', replyTo, body, editSequence: 0n, deleteSequence: 0n },
          },
        ];
      },
    };
  }

  #prepare(sender: UserId, view: ThreadView | undefined, replyTo: bigint): Promise<void> | undefined {
    if (view === undefined || !maySend(view, sender)) return undefined;
    const direct =
      view.info.kind === 'direct' && sender !== systemUser ? this.#rules.checkDirectSend(sender, view) : undefined;
    if (replyTo === 0n) return direct;
    const reply = this.#rules.checkReplyTo(sender, view, replyTo);
    return direct === undefined ? reply : direct.then(() => reply);
  }
}

/** The system sends to any thread: no user's token names it. */
function maySend(view: ThreadView, sender: UserId): boolean {
  return sender === systemUser || view.members.has(sender);
}

/** What tells a repeat of a send from another one under the same id. */
export function fingerprintOf(target: bigint, body: Body, extra = ''): string {
  const { content, mentions, attachments } = body;
  const parts: Buffer[] = [];
  const add = (part: string | Uint8Array): void => {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    const length = Buffer.allocUnsafe(4);
    length.writeUInt32BE(bytes.length, 0);
    parts.push(length, bytes as Buffer);
  };
  add(target.toString());
  add(extra);
  // Counts and kinds stand before what they count, so that no two bodies give the same parts.
  add(content === undefined ? 'none' : 'text' in content ? 'text' : 'opaque');
  if (content !== undefined && 'text' in content) add(content.text);
  if (content !== undefined && 'opaque' in content) {
    add(content.contentType);
    add(content.opaque);
  }
  add(mentions.length.toString());
  for (const mention of mentions) add(mention);
  for (const attachment of attachments) add(attachmentKey(attachment));
  return hash('sha1', Buffer.concat(parts), 'base64');
}

function attachmentKey({ uri, contentType, name, sizeBytes }: Attachment): string {
  return JSON.stringify([uri, contentType, name, sizeBytes.toString()]);
}
