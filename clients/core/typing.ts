import type { TypingChanged } from '#proto/parley/v1/stream_service.ts';
import type { Runtime, Timer } from './runtime.ts';
import type { Session } from './session.ts';

/** While the user types, it is said this often. */
const repeatMs = 3000;
/** Somebody who was not heard to type for this long has stopped. */
const fadeMs = 6000;
/**
 * That the user stopped is said this much later: mostly a message was sent, which says it too, and where frames go out in one
 * call after another it would have to wait for this one.
 */
const stopAfterMs = 200;

/** The user's own typing, said no oftener than needed; and that of others, which fades. */
export class TypingState {
  readonly #runtime: Runtime;
  readonly #changed: (typing: TypingChanged) => void;
  readonly #saidMs = new Map<string, number>();
  /** Stops that are not said yet, by thread. */
  readonly #stops = new Map<string, Timer>();
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
      this.#stops.get(threadId)?.cancel();
      this.#stops.delete(threadId);
      session.say({ $case: 'typing', value: { threadId, active } });
    } else if (this.#saidMs.delete(threadId)) {
      const stop = this.#runtime.setTimer(stopAfterMs, () => {
        this.#stops.delete(threadId);
        session.say({ $case: 'typing', value: { threadId, active } });
      });
      this.#stops.set(threadId, stop);
    }
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

  /** Somebody's message came: it is what they typed. */
  wrote(threadId: string, userId: string): void {
    this.heard({ threadId, userId, active: false });
  }

  stop(): void {
    for (const timer of this.#stops.values()) timer.cancel();
    this.#stops.clear();
    for (const { timer } of this.#others.values()) timer.cancel();
    this.#others.clear();
    this.#saidMs.clear();
  }
}
