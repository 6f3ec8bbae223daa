import type { UserId } from '../../server/core/ids.ts';
import type { Presence } from '../../server/core/presence.ts';
import type { Registry, RegistrySession } from '../../server/presence/registry.ts';
import type { Life, World } from './world.ts';

/** How long after its death a node's sessions are still found. */
const leaseMs = 15_000;
const wayMs = [0.3, 3] as const;

interface Announced {
  readonly session: RegistrySession;
  readonly life: Life;
}

/** Sessions of all nodes, as told. */
export class RegistryCore {
  readonly sessions = new Map<string, Announced>();

  /** A node died: its lease runs out. */
  expire(world: World, life: Life): void {
    world.after(leaseMs, () => {
      for (const [id, announced] of this.sessions) if (announced.life === life) this.sessions.delete(id);
    });
  }
}

/** The registry as one node sees it. Who is online is not what is simulated here: nobody is told of it. */
export class SimRegistry implements Registry {
  readonly #core: RegistryCore;
  readonly #world: World;
  readonly #life: Life;

  constructor(core: RegistryCore, world: World, life: Life) {
    this.#core = core;
    this.#world = world;
    this.#life = life;
  }

  async announce(session: RegistrySession): Promise<void> {
    await this.#way();
    this.#core.sessions.set(session.sessionId, { session, life: this.#life });
  }

  async withdraw(session: RegistrySession): Promise<void> {
    await this.#way();
    this.#core.sessions.delete(session.sessionId);
  }

  async get(users: readonly UserId[]): Promise<Presence[]> {
    await this.#way();
    const online = new Set([...this.#core.sessions.values()].map(({ session }) => session.userId));
    const asOfMs = this.#world.wallMs;
    return users.map((userId) => ({ userId, state: online.has(userId) ? 'online' : 'offline', lastSeenMs: 0, asOfMs }));
  }

  async locate(user: UserId): Promise<RegistrySession[]> {
    await this.#way();
    const all = [...this.#core.sessions.values()].map(({ session }) => session);
    return all.filter(({ userId }) => userId === user);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #way(): Promise<void> {
    return new Promise((resolve) => {
      this.#world.after(this.#world.random.between(...wayMs), () => {
        if (this.#life.alive) resolve();
      });
    });
  }
}
