import type { Clock } from '../core/clock.ts';
import { messageNotFound } from '../core/errors.ts';
import { type UserId, systemUser, threadLog } from '../core/ids.ts';
import { Lru } from '../core/lru.ts';
import type { Policy } from '../delivery/policy.ts';
import type { ThreadView } from '../delivery/thread-views.ts';
import type { Store } from '../store/store.ts';
import type { Access, ReceiptSight } from './access.ts';
import { accountOf, hasBlocked } from './accounts.ts';
import { memberOf } from './access.ts';
import type { Limits } from './limits.ts';
import { isMessageEntry } from './message.ts';
import { entryAt } from './places.ts';
import type { SendRules } from './send-message.ts';
import { peerOf } from './threads.ts';

/** How old an answer may be. On the node where a block or a setting changed it is new at once (`forget`). */
const keptMs = 10_000;
/** A no ends with the next word that either says, and who asks then is not told again: it is asked anew each time. */
const refusalKeptMs = 0;

interface Kept<Value> {
  readonly value: Value;
  readonly untilMs: number;
}

/** The rules about people as the hot paths ask them: remembered for 10 s, a bounded number of answers. */
export class CachedPolicy implements Policy, SendRules {
  readonly #store: Store;
  readonly #access: Access;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #presence: Lru<string, Kept<boolean>>;
  readonly #receipts: Lru<string, Kept<ReceiptSight>>;
  readonly #private: Lru<string, Kept<boolean>>;
  readonly #blocks: Lru<string, Kept<boolean>>;
  /** Moves with `forget`: what was asked before it is not remembered after it. */
  #generation = 0;

  /** `capacity`: answers of each kind, about 200 bytes each. */
  constructor(
    options: { readonly store: Store; readonly access: Access; readonly limits: Limits; readonly clock: Clock },
    capacity: number,
  ) {
    this.#store = options.store;
    this.#access = options.access;
    this.#limits = options.limits;
    this.#clock = options.clock;
    this.#presence = new Lru(capacity);
    this.#receipts = new Lru(capacity);
    this.#private = new Lru(capacity);
    this.#blocks = new Lru(capacity);
  }

  async canSeePresence(viewer: UserId, user: UserId): Promise<boolean> {
    const ask = (): Promise<boolean> => this.#access.canSeePresence(viewer, user);
    return this.#ask(this.#presence, pair(viewer, user), ask, (seen) => (seen ? keptMs : refusalKeptMs));
  }

  async canSeeReceipts(viewer: UserId, user: UserId, view: ThreadView): Promise<ReceiptSight> {
    // In a group all but blocks and settings is given, so one answer serves all groups.
    const key = view.info.kind === 'direct' ? `d${pair(viewer, user)}` : `g${pair(viewer, user)}`;
    const ask = (): Promise<ReceiptSight> => this.#access.canSeeReceipts(viewer, user, view);
    return this.#ask(this.#receipts, key, ask, ({ delivered }) => (delivered ? keptMs : refusalKeptMs));
  }

  async readsPrivately(user: UserId): Promise<boolean> {
    return this.#ask(this.#private, user, async () => (await accountOf(this.#store, user)).readPrivately);
  }

  takeSend(userId: UserId): void {
    this.#limits.take(userId, 'send');
  }

  checkDirectSend(sender: UserId, view: ThreadView): Promise<void> | undefined {
    const peer = peerOf(view.members.keys(), sender);
    if (peer === sender) return undefined;
    const kept = this.#fresh(this.#blocks, pair(peer, sender));
    if (kept?.value === false) return undefined;
    return this.#ask(this.#blocks, pair(peer, sender), () => hasBlocked(this.#store, peer, sender)).then((blocked) => {
      if (blocked) return this.#access.requireAccepted(sender, peer, false);
      return undefined;
    });
  }

  async checkReplyTo(sender: UserId, view: ThreadView, replyTo: bigint): Promise<void> {
    const visibleFrom = sender === systemUser ? 1n : await this.#access.visibleFrom(view, memberOf(view, sender));
    if (replyTo < visibleFrom || replyTo > view.head.sequence) throw messageNotFound();
    const entry = await entryAt(this.#store, threadLog(view.threadId), replyTo);
    if (entry === undefined || !isMessageEntry(entry)) throw messageNotFound();
  }

  /** A block or a setting of the user's changed on this node: nothing of it is answered from memory. */
  forget(): void {
    this.#generation += 1;
    this.#presence.clear();
    this.#receipts.clear();
    this.#private.clear();
    this.#blocks.clear();
  }

  async #ask<Value>(
    kept: Lru<string, Kept<Value>>,
    key: string,
    ask: () => Promise<Value>,
    keptFor: (value: Value) => number = () => keptMs,
  ): Promise<Value> {
    const known = this.#fresh(kept, key);
    if (known !== undefined) return known.value;
    const generation = this.#generation;
    const untilMs = this.#clock.monotonicMs();
    const value = await ask();
    if (generation === this.#generation) kept.set(key, { value, untilMs: untilMs + keptFor(value) });
    return value;
  }

  #fresh<Value>(kept: Lru<string, Kept<Value>>, key: string): Kept<Value> | undefined {
    const known = kept.get(key);
    return known !== undefined && known.untilMs > this.#clock.monotonicMs() ? known : undefined;
  }
}

function pair(a: UserId, b: UserId): string {
  return `${a}\0${b}`;
}
