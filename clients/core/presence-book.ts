import type { Presence } from '#proto/parley/v1/presence.ts';
import { msOf } from './times.ts';

/** The last known presence of those who are watched. Between two answers about one user the later one holds. */
export class PresenceBook {
  readonly #presences = new Map<string, Presence>();

  of(userId: string): Presence | undefined {
    return this.#presences.get(userId);
  }

  /** Forgets everyone else. */
  keep(userIds: readonly string[]): void {
    const kept = new Set(userIds);
    for (const userId of this.#presences.keys()) if (!kept.has(userId)) this.#presences.delete(userId);
  }

  /** Takes in what was told; answers what is news. */
  take(presences: readonly Presence[]): Presence[] {
    return presences.filter((presence) => {
      const old = this.#presences.get(presence.userId);
      if (old !== undefined && (msOf(old.asOfTime) ?? 0) > (msOf(presence.asOfTime) ?? 0)) return false;
      this.#presences.set(presence.userId, presence);
      return true;
    });
  }
}
