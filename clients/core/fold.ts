import type { Content, Entry, MessagePosted } from '#proto/parley/v1/entry.ts';
import type { SendResult } from '#proto/parley/v1/stream_service.ts';
import type { Message } from '#proto/parley/v1/thread.ts';
import type { Draft } from './draft.ts';

/** One line of a thread as people see it. */
export type Item =
  | { readonly kind: 'message'; readonly sequence: bigint; readonly message: Message }
  /** Somebody joined, left, got a role; the group changed. */
  | { readonly kind: 'change'; readonly sequence: bigint; readonly entry: Entry }
  /** An entry of a kind that this SDK does not know: show a placeholder. */
  | { readonly kind: 'unknown'; readonly sequence: bigint; readonly entry: Entry };

interface Held {
  item: Item;
  /** Everything up to this sequence is in the item already: it was read from history at that head. */
  asOf: bigint;
}

/** What an entry changed. */
export interface Change {
  /** A line is new at the end. */
  readonly added: Item | undefined;
  /** A message is another now: edited, deleted, reacted to. Undefined also when that message is not held. */
  readonly changed: Message | undefined;
}

const unchanged: Change = { added: undefined, changed: undefined };

/**
 * A thread's entries folded into what people see: messages as they are now, and the changes between them. Entries come
 * from a Timeline, in order; pages of history may be put in at any time. Bounded: the oldest lines go first.
 * Messages are replaced, never changed in place: who kept one may compare by identity.
 */
export class Fold {
  readonly #me: () => string;
  readonly #mostItems: number;
  readonly #held = new Map<bigint, Held>();
  #order: bigint[] = [];
  #sorted = true;
  /** What was known before this sequence and not after it is left out. */
  #leftTo = 0n;

  /** `me`: whose reactions are "mine". `mostItems`: lines kept; at least 1. */
  constructor(me: () => string, mostItems: number) {
    this.#me = me;
    this.#mostItems = mostItems;
  }

  /** Lines in ascending order. */
  items(): Item[] {
    this.#sort();
    return this.#order.flatMap((sequence) => this.#held.get(sequence)?.item ?? []);
  }

  message(sequence: bigint): Message | undefined {
    const item = this.#held.get(sequence)?.item;
    return item?.kind === 'message' ? item.message : undefined;
  }

  clear(): void {
    this.#held.clear();
    this.#order = [];
    this.#leftTo = 0n;
  }

  /**
   * Entries up to here will not be applied: lines that are not known as of then go, for one of those entries may have erased or
   * edited what they say. They are to be put in anew.
   */
  leave(upTo: bigint): void {
    if (upTo <= this.#leftTo) return;
    this.#leftTo = upTo;
    for (const [sequence, { asOf }] of this.#held) if (asOf < upTo) this.#held.delete(sequence);
    this.#order = this.#order.filter((sequence) => this.#held.has(sequence));
  }

  /**
   * Puts in lines as they were at a head; newer knowledge of a line stays, and lines older than what was left do not come back. A body that
   * either of them has stays where the other says that it was erased.
   */
  put(items: readonly Item[], head: bigint): void {
    if (head < this.#leftTo) return;
    for (const item of items) {
      const old = this.#held.get(item.sequence);
      if (old !== undefined && old.asOf >= head) old.item = keepBody(old.item, item);
      else this.#put(keepBody(item, old?.item), head);
    }
    this.#trim();
  }

  /** Takes in the next entry. */
  apply(entry: Entry): Change {
    const { kind, sequence } = entry;
    switch (kind?.$case) {
      case undefined:
        return this.#add({ kind: 'unknown', sequence, entry });
      case 'message':
        if ((this.#held.get(sequence)?.asOf ?? 0n) >= sequence) return unchanged;
        return this.#add({ kind: 'message', sequence, message: messageOf(entry, kind.value) });
      case 'messageEdited': {
        const { content, mentionIds, attachments, targetSequence } = kind.value;
        return this.#change(targetSequence, sequence, (message) =>
          // Without content a later edit or delete took its place, and comes or is here already.
          message.deleteSequence > 0n || message.editSequence >= sequence || content === undefined
            ? undefined
            : { ...message, content, mentionIds, attachments, editSequence: sequence },
        );
      }
      case 'messageDeleted':
        return this.#change(kind.value.targetSequence, sequence, (message) => ({
          ...message,
          content: undefined,
          attachments: [],
          reactions: [],
          deleteSequence: sequence,
        }));
      case 'reactionChanged': {
        const { targetSequence, emoji, removed } = kind.value;
        const mine = entry.senderId === this.#me();
        return this.#change(targetSequence, sequence, (message) => react(message, emoji, removed, mine));
      }
      default:
        return this.#add({ kind: 'change', sequence, entry });
    }
  }

  #add(item: Item): Change {
    this.#put(item, item.sequence);
    this.#trim();
    return { added: item, changed: undefined };
  }

  #change(target: bigint, sequence: bigint, next: (message: Message) => Message | undefined): Change {
    const held = this.#held.get(target);
    if (held?.item.kind !== 'message' || held.asOf >= sequence) return unchanged;
    held.asOf = sequence;
    const message = next(held.item.message);
    if (message === undefined) return unchanged;
    held.item = { kind: 'message', sequence: target, message };
    return { added: undefined, changed: message };
  }

  #put(item: Item, asOf: bigint): void {
    if (!this.#held.has(item.sequence)) {
      const last = this.#order.at(-1);
      if (last !== undefined && last > item.sequence) this.#sorted = false;
      this.#order.push(item.sequence);
    }
    this.#held.set(item.sequence, { item, asOf });
  }

  #sort(): void {
    if (!this.#sorted) this.#order.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    this.#sorted = true;
  }

  #trim(): void {
    // In blocks: taking one from the front for each one added would move the whole list each time.
    if (this.#order.length <= this.#mostItems * 1.25) return;
    this.#sort();
    for (const sequence of this.#order.splice(0, this.#order.length - this.#mostItems)) this.#held.delete(sequence);
  }
}

/** The item; where its message's body was erased, the message as `held` has it, unless that was edited or deleted since. */
function keepBody(item: Item, held: Item | undefined): Item {
  if (item.kind !== 'message' || held?.kind !== 'message') return item;
  const { erased, deleteSequence, editSequence, reactions } = item.message;
  return erased && deleteSequence === 0n && held.message.editSequence >= editSequence
    ? { ...item, message: { ...held.message, reactions } }
    : item;
}

/** The entry that a draft became. */
export function entryOfDraft(
  draft: Omit<Draft, 'expectedSequence'>,
  senderId: string,
  senderDeviceId: string,
  result: SendResult,
): Entry {
  const { content, replyTo, mentionIds, attachments, clientMessageId } = draft;
  const { sequence, ordinal, createTime } = result;
  const value = {
    content,
    replyTo,
    mentionIds: [...mentionIds],
    attachments: [...attachments],
    editSequence: 0n,
    deleteSequence: 0n,
    erased: false,
  };
  return {
    sequence,
    ordinal,
    senderId,
    senderDeviceId,
    clientMessageId,
    createTime,
    kind: { $case: 'message', value },
  };
}

/** The message that an entry posted, as the entry has it. */
export function messageOf(entry: Entry, posted: MessagePosted): Message {
  const { sequence, ordinal, senderId, senderDeviceId, clientMessageId, createTime } = entry;
  return { sequence, ordinal, senderId, senderDeviceId, clientMessageId, createTime, ...posted, reactions: [] };
}

function react(message: Message, emoji: string, removed: boolean, mine: boolean): Message | undefined {
  if (message.deleteSequence > 0n) return undefined;
  const reactions = message.reactions.map((reaction) =>
    reaction.emoji === emoji
      ? { emoji, count: reaction.count + (removed ? -1 : 1), mine: mine ? !removed : reaction.mine }
      : reaction,
  );
  if (!removed && !reactions.some((reaction) => reaction.emoji === emoji)) reactions.push({ emoji, count: 1, mine });
  return { ...message, reactions: reactions.filter((reaction) => reaction.count > 0) };
}

/** The text of a content; undefined when it has none that is text. */
export function textOf(content: Content | undefined): string | undefined {
  return content?.body?.$case === 'text' ? content.body.value : undefined;
}
