// When each device heard something, of whatever thread: so it is known when one can have been away.
import type { FaultRecord, Listener } from './record.ts';

export class Wakes {
  /** Ascending, by device. */
  readonly #times = new Map<string, number[]>();

  add({ listener, atMs }: Extract<FaultRecord, { kind: 'heard' }>): void {
    const key = keyOf(listener);
    const times = this.#times.get(key);
    if (times === undefined) this.#times.set(key, [atMs]);
    else if (times.at(-1) !== atMs) times.push(atMs);
  }

  /** Whether the device heard nothing at all from the one time to the other. */
  wasAway(listener: Listener, fromMs: number, toMs: number): boolean {
    return !(this.#times.get(keyOf(listener)) ?? []).some((atMs) => atMs >= fromMs && atMs <= toMs);
  }
}

function keyOf({ user, device }: Listener): string {
  return `${user}/${device}`;
}
