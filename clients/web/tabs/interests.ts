import type { ClientFrame, Subscribe, Unsubscribe } from '#proto/parley/v1/stream_service.ts';

type Say = NonNullable<ClientFrame['frame']>;

function keyOf(target: Subscribe['target']): string {
  return `${target?.$case} ${target?.value}`;
}

/** How much of a channel a class brings: everything before sampled before the latest. */
function isWider(a: Subscribe, b: Subscribe): boolean {
  if (a.deliveryClass !== b.deliveryClass) return a.deliveryClass < b.deliveryClass;
  return a.maxRate > b.maxRate;
}

/** What several tabs want of one session: threads, channels and presences, joined. */
export class Interests {
  readonly #wants = new Map<string, Map<string, Subscribe>>();
  readonly #watched = new Map<string, readonly string[]>();

  /** A tab wants a thread or channel. Answers whether the server must be asked: nobody had as much of it. */
  add(tab: string, subscribe: Subscribe): boolean {
    const key = keyOf(subscribe.target);
    const others = this.#others(tab, key);
    const wants = this.#wants.get(tab) ?? new Map<string, Subscribe>();
    this.#wants.set(tab, wants.set(key, subscribe));
    return subscribe.target?.$case === 'threadId' || others.every((other) => isWider(subscribe, other));
  }

  /** It does not any more. Answers whether nobody does. */
  remove(tab: string, { target }: Unsubscribe): boolean {
    const key = keyOf(target);
    return this.#wants.get(tab)?.delete(key) === true && this.#others(tab, key).length === 0;
  }

  /** The server refused it: nobody has it by that. Nothing happens when the tab wants something else of the same by now. */
  refused(tab: string, subscribe: Subscribe): void {
    const wants = this.#wants.get(tab);
    if (wants?.get(keyOf(subscribe.target)) === subscribe) wants.delete(keyOf(subscribe.target));
  }

  /** The same with as much of the channel as any tab wants: the server's last word counts for all. */
  widest(subscribe: Subscribe): Subscribe {
    let widest = subscribe;
    for (const wants of this.#wants.values()) {
      const want = wants.get(keyOf(subscribe.target));
      if (want !== undefined && isWider(want, widest)) widest = want;
    }
    return { ...subscribe, deliveryClass: widest.deliveryClass, maxRate: widest.maxRate };
  }

  /** Whose presence a tab wants; answers that of all. */
  watch(tab: string, userIds: readonly string[]): string[] {
    this.#watched.set(tab, userIds);
    return this.watched;
  }

  get watched(): string[] {
    return [...new Set([...this.#watched.values()].flat())];
  }

  /** Forgets a tab; answers what is to be said for it: what nobody wants any more. */
  forget(tab: string): Say[] {
    const wants = [...(this.#wants.get(tab)?.values() ?? [])];
    const says: Say[] = wants
      .filter((subscribe) => this.remove(tab, subscribe))
      .map(({ target }) => ({ $case: 'unsubscribe', value: { target } }));
    this.#wants.delete(tab);
    const watched = this.#watched.get(tab) ?? [];
    this.#watched.delete(tab);
    if (watched.length > 0) says.push({ $case: 'watchPresence', value: { userIds: this.watched } });
    return says;
  }

  /** All that tabs beside `tab` want and it does not: to be said on a new session. */
  besides(tab: string): Say[] {
    const missing = new Map<string, Subscribe>();
    for (const [other, wants] of this.#wants) {
      if (other === tab) continue;
      for (const [key, want] of wants) if (this.#wants.get(tab)?.has(key) !== true) missing.set(key, want);
    }
    const says: Say[] = [...missing.values()].map((want) => ({ $case: 'subscribe', value: this.widest(want) }));
    if (this.watched.length > 0) says.push({ $case: 'watchPresence', value: { userIds: this.watched } });
    return says;
  }

  #others(tab: string, key: string): Subscribe[] {
    return [...this.#wants].flatMap(([other, wants]) => (other === tab ? [] : (wants.get(key) ?? [])));
  }
}
