import type { TypingChanged } from '#proto/parley/v1/stream_service.ts';
import type { Runtime, Timer } from './runtime.ts';
import type { Session } from './session.ts';

/** While the user types, it is said this often. */
const repeatMs = 3000;
/** Somebody who was not heard to type for this long has stopped. */
const fadeMs = 6000;

/** The user's own typing, said no oftener than needed; and that of others, which fades. */
export class TypingState {
  readonly #runtime: Runtime;
  readonly #changed: (typing: TypingChanged) => void;
  readonly #saidMs = new Map<string, number>();
  readonly #others = new Map<string, { typing: TypingChanged; timer: Timer }>();

  constructor(runtime: Runtime, changed: (typing: TypingChanged) => void) {
    this.#runtime = runtime;
    this.#changed = changed;
  }

  /** To be called at every key, and with false when the line is empty or sent. */
  say(session: Session | undefined, threadId: string, active: boolean): void {
    if (session === undefined) return;
    const saidMs = this.#saidMs.get(threadId);
    const nowMs = this.#runtime.now();
    if (active) {
      if (saidMs !== undefined && nowMs - saidMs < repeatMs) return;
      this.#saidMs.set(threadId, nowMs);
    } else if (!this.#saidMs.delete(threadId)) return;
    session.say({ $case: 'typing', value: { threadId, active } });
  }

  /** Who types in a thread. */
  who(threadId: string): string[] {
    return [...this.#others.values()].flatMap(({ typing }) => (typing.threadId === threadId ? [typing.userId] : []));
  }

  /** Somebody began, goes on, or stopped. */
  heard(typing: TypingChanged): void {
    const key = `${typing.threadId} ${typing.userId}`;
    const old = this.#others.get(key);
    old?.timer.cancel();
    if (typing.active) {
      const timer = this.#runtime.setTimer(fadeMs, () => this.heard({ ...typing, active: false }));
      this.#others.set(key, { typing, timer });
    } else this.#others.delete(key);
    if ((old !== undefined) !== typing.active) this.#changed(typing);
  }

  stop(): void {
    for (const { timer } of this.#others.values()) timer.cancel();
    this.#others.clear();
    this.#saidMs.clear();
  }
}
