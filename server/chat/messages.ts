import type { Clock } from '../core/clock.ts';
import type { Body, Change } from '../core/entry.ts';
import { Refusal, messageNotFound, threadNotFound } from '../core/errors.ts';
import { type ThreadId, type UserId, threadLog } from '../core/ids.ts';
import { type ReactionRow, parseReactionKey, rowKey } from '../core/rows.ts';
import type { ThreadView } from '../delivery/thread-views.ts';
import type { Store } from '../store/store.ts';
import { type Access, memberOf, rank } from './access.ts';
import type { Appender } from './appender.ts';
import type { Caller } from './caller.ts';
import { KeyedQueue } from '../core/keyed-queue.ts';
import { type MessageEntry, isMessageEntry } from './message.ts';
import { appendOnce, fingerprintOfChange } from './once.ts';
import { signalOf } from './open-thread.ts';
import { entryAt } from './places.ts';
import { fingerprintOf } from './send-message.ts';
import { peerOf } from './threads.ts';
import { rowsUnder } from './rows-under.ts';

const maxReactions = 50;

export interface MessagesOptions {
  readonly store: Store;
  readonly access: Access;
  readonly appender: Appender;
  readonly clock: Clock;
  /** How long authors may edit and delete, in ms from the message's time; Infinity = for good. */
  readonly editWithinMs: number;
  readonly deleteWithinMs: number;
}

/** A change of a message that stands in a thread. */
export interface Target {
  readonly threadId: ThreadId;
  readonly clientMessageId: string;
  readonly sequence: bigint;
}

/**
 * Edits, deletes and reactions: each an entry of its own that points to the message, made once for each id. Each call answers with the
 * entry's sequence. Changes of one message on this node follow one another, so that each is judged by the ones before.
 */
export class Messages {
  readonly #options: MessagesOptions;
  readonly #queue = new KeyedQueue();

  constructor(options: MessagesOptions) {
    this.#options = options;
  }

  /** @throws Refusal THREAD_NOT_FOUND, MESSAGE_NOT_FOUND, NOT_EDITABLE, MESSAGE_DELETED, NOT_ACCEPTED, ID_REUSED */
  async edit(caller: Caller, target: Target, body: Body): Promise<bigint> {
    const { clock, editWithinMs } = this.#options;
    return this.#change(caller, target, fingerprintOf(target.sequence, body, 'edit'), (view, message) => {
      requireAuthor(message, caller.userId, clock.nowMs(), editWithinMs);
      requireNotDeleted(message);
      if (message.change.erased === true) throw new Refusal('NOT_EDITABLE', 'the message is not kept any more');
      const change: Change = { kind: 'message-edited', target: message.sequence, body };
      return { change, checked: this.#requireAccepted(caller, view) };
    });
  }

  /** One that is deleted already: the sequence of its delete. @throws Refusal THREAD_NOT_FOUND, MESSAGE_NOT_FOUND, NOT_EDITABLE, ID_REUSED */
  async delete(caller: Caller, target: Target): Promise<bigint> {
    const { clock, deleteWithinMs } = this.#options;
    const fingerprint = fingerprintOfChange('delete', String(target.sequence));
    let deletedBy = 0n;
    const sequence = await this.#change(caller, target, fingerprint, (view, message) => {
      const isAdmin = view.info.kind === 'group' && rank(memberOf(view, caller.userId).role) > 0;
      if (!isAdmin) requireAuthor(message, caller.userId, clock.nowMs(), deleteWithinMs);
      deletedBy = message.change.deleteSequence;
      if (deletedBy !== 0n) return { change: undefined };
      return { change: { kind: 'message-deleted', target: message.sequence } };
    });
    return sequence === 0n ? deletedBy : sequence;
  }

  /** 0 = it was so already. @throws Refusal THREAD_NOT_FOUND, MESSAGE_NOT_FOUND, MESSAGE_DELETED, NOT_ACCEPTED, LIMIT_REACHED, ID_REUSED */
  async react(caller: Caller, target: Target, emoji: string, removed: boolean): Promise<bigint> {
    const fingerprint = fingerprintOfChange('react', String(target.sequence), emoji, String(removed));
    return this.#change(caller, target, fingerprint, async (view, message) => {
      requireNotDeleted(message);
      await this.#requireAccepted(caller, view);
      const { mine, other } = await this.#reactions(caller, target, emoji);
      if (mine === !removed) return { change: undefined };
      if (!removed && other >= maxReactions) {
        throw new Refusal('LIMIT_REACHED', `a message has at most ${maxReactions} different reactions`);
      }
      return { change: { kind: 'reaction-changed', target: message.sequence, emoji, removed } };
    });
  }

  async #change(
    caller: Caller,
    target: Target,
    fingerprint: string,
    judge: (view: ThreadView, message: MessageEntry) => Judgement | Promise<Judgement>,
  ): Promise<bigint> {
    const { store, appender } = this.#options;
    const { threadId, clientMessageId } = target;
    let change: Change | undefined;
    return this.#queue.run(`${threadId}/${target.sequence}`, async () => {
      const outcome = await appendOnce(store, appender, threadId, {
        senderId: caller.userId,
        clientMessageId,
        fingerprint,
        knownHead: target.sequence,
        ...signalOf(caller),
        prepare: async (view) => {
          if (view === undefined) throw threadNotFound();
          const judgement = await judge(view, await this.#message(caller, view, target.sequence));
          await judgement.checked;
          change = judgement.change;
        },
        build: (view) => {
          memberOf(view, caller.userId);
          if (change === undefined) return [];
          return [{ senderId: caller.userId, deviceId: caller.deviceId, clientMessageId, fingerprint, change }];
        },
      });
      return outcome.sequence;
    });
  }

  async #message(caller: Caller, view: ThreadView, sequence: bigint): Promise<MessageEntry> {
    const { store, access } = this.#options;
    const visibleFrom = await access.visibleFrom(view, memberOf(view, caller.userId));
    if (sequence < visibleFrom || sequence > view.head.sequence) throw messageNotFound();
    const entry = await entryAt(store, threadLog(view.threadId), sequence, caller.signal);
    if (entry === undefined || !isMessageEntry(entry)) throw messageNotFound();
    return entry;
  }

  /** A block of the other user's closes a direct thread for all but reading and deleting. */
  async #requireAccepted(caller: Caller, view: ThreadView): Promise<void> {
    if (view.info.kind !== 'direct') return;
    const peer = peerOf(view.members.keys(), caller.userId);
    await this.#options.access.requireAccepted(caller.userId, peer, false, caller.signal);
  }

  /** Whether the caller reacts so now, and how many other emoji the message has. */
  async #reactions(caller: Caller, target: Target, emoji: string): Promise<{ mine: boolean; other: number }> {
    const log = threadLog(target.threadId);
    const prefix = rowKey.reactions(target.sequence);
    const others = new Set<string>();
    let mine = false;
    for await (const rows of rowsUnder(this.#options.store, log, prefix, { signal: caller.signal })) {
      for (const row of rows) {
        if ((row.value as ReactionRow).removed) continue;
        const reaction = parseReactionKey(row.key);
        if (reaction.emoji !== emoji) others.add(reaction.emoji);
        else if (reaction.user === caller.userId) mine = true;
      }
    }
    return { mine, other: others.size };
  }
}

interface Judgement {
  /** Undefined = it is so already. */
  readonly change: Change | undefined;
  readonly checked?: Promise<void>;
}

/** @throws Refusal NOT_EDITABLE */
function requireAuthor(message: MessageEntry, userId: UserId, nowMs: number, withinMs: number): void {
  if (message.senderId !== userId) throw new Refusal('NOT_EDITABLE', 'only its author may change this message');
  if (nowMs - message.createTimeMs > withinMs)
    throw new Refusal('NOT_EDITABLE', 'the message is too old to be changed');
}

/** @throws Refusal MESSAGE_DELETED */
function requireNotDeleted(message: MessageEntry): void {
  if (message.change.deleteSequence !== 0n) throw new Refusal('MESSAGE_DELETED', 'the message is deleted');
}
