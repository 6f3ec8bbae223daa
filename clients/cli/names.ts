import type { ParleyClient } from '../core/client.ts';

const mostAtOnce = 200;

/** What users are called: their display name, else their id. Asked for in batches, once each. */
export class Names {
  readonly #client: ParleyClient;
  readonly #changed: () => void;
  readonly #known = new Map<string, string>();
  readonly #wanted = new Set<string>();
  #asking = false;

  constructor(client: ParleyClient, changed: () => void) {
    this.#client = client;
    this.#changed = changed;
  }

  /** The name as far as it is known; asks for one that is not. */
  of(userId: string): string {
    if (userId === '') return 'Parley';
    const known = this.#known.get(userId);
    if (known === undefined && !this.#wanted.has(userId)) {
      this.#wanted.add(userId);
      if (!this.#asking) {
        this.#asking = true;
        queueMicrotask(() => void this.#ask());
      }
    }
    return known ?? userId;
  }

  /** Takes in a profile that came with something else. */
  note(profile: { readonly userId: string; readonly displayName: string } | undefined): void {
    if (profile !== undefined) this.#known.set(profile.userId, profile.displayName || profile.userId);
  }

  async #ask(): Promise<void> {
    try {
      while (this.#wanted.size > 0) {
        const batch = [...this.#wanted].slice(0, mostAtOnce);
        for (const profile of await this.#client.people.profiles(batch)) this.note(profile);
        for (const userId of batch) {
          this.#wanted.delete(userId);
          if (!this.#known.has(userId)) this.#known.set(userId, userId);
        }
        this.#changed();
      }
    } catch {
      // Ids stand for the names until the next one is asked for.
    } finally {
      this.#asking = false;
    }
  }
}
