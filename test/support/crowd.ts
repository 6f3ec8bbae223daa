// Many devices on a running platform, each with the SDK and a connection of its own: where their streams are, and what
// they hear of one another.
import { PresenceState } from '#proto/parley/v1/presence.ts';
import { ParleyClient } from '../../clients/core/client.ts';
import { textOf } from '../../clients/core/fold.ts';
import { NodeCarrier } from '../../clients/node/carrier.ts';
import type { NodeHandle } from '../../platform/node-handle.ts';
import type { Platform } from '../../platform/platform.ts';
import { until } from '../../platform/wait.ts';

export interface Heard {
  readonly text: string;
  /** Monotonic ms. */
  readonly atMs: number;
}

export interface Opened {
  /** Empty before the first. */
  readonly sessionId: string;
  /** Wall ms, by the node. */
  readonly atMs: number;
}

export class Member {
  readonly id: string;
  readonly client: ParleyClient;
  readonly heard: Heard[] = [];
  /** Every session of it that caught up. */
  readonly opened: Opened[] = [];
  /** States of those it watches, as they were told. */
  readonly presences: { readonly userId: string; readonly state: PresenceState }[] = [];

  constructor(platform: Platform, id: string) {
    this.id = id;
    this.client = new ParleyClient({
      carrier: new NodeCarrier({ target: platform.gateway }),
      getToken: () => platform.token(id),
      deviceId: 'd1',
      keepItems: 0,
    });
    this.client.on('caughtUp', ({ sessionId }) => this.opened.push({ sessionId, atMs: performance.now() }));
    this.client.on('entry', ({ entry }) => {
      if (entry.kind?.$case !== 'message') return;
      this.heard.push({ text: textOf(entry.kind.value.content) ?? '', atMs: performance.now() });
    });
    this.client.on('presence', (told) => {
      for (const { userId, state } of told) this.presences.push({ userId, state });
    });
  }

  /** The node that its newest session is on. */
  get nodeId(): string {
    return nodeOf(this.opened.at(-1)?.sessionId ?? '');
  }

  get isLive(): boolean {
    return this.client.connection.phase === 'live';
  }

  /** The last that was told of someone it watches. */
  stateOf(userId: string): PresenceState {
    return this.presences.findLast((one) => one.userId === userId)?.state ?? PresenceState.PRESENCE_STATE_UNSPECIFIED;
  }
}

export class Crowd implements AsyncDisposable {
  readonly members: Member[] = [];
  readonly #platform: Platform;

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** So many users whose names begin with `label`, live; 50 open at a time. */
  async join(label: string, count: number): Promise<Member[]> {
    const joined = Array.from({ length: count }, (_, n) => new Member(this.#platform, `${label}${n}`));
    this.members.push(...joined);
    for (let start = 0; start < joined.length; start += 50) {
      await Promise.all(
        joined.slice(start, start + 50).map(async ({ client }) => {
          await client.start();
          await client.ready();
        }),
      );
    }
    return joined;
  }

  /** All of them and `owner` in one group; resolves when everybody has heard of it. */
  async group(owner: Member, others: readonly Member[]): Promise<string> {
    const { threadId } = await owner.client.groups.create({ name: 'all', memberIds: others.map(({ id }) => id) });
    const all = [owner, ...others];
    await until(() => all.every(({ client }) => client.held(threadId) > 0n) || undefined, {
      what: 'everybody to hear of the group',
      withinMs: 30_000,
    });
    return threadId;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.splice(0).map(({ client }) => client.close()));
  }
}

/** The node that a session is called after. */
export function nodeOf(sessionId: string): string {
  return sessionId.slice(0, Math.max(0, sessionId.lastIndexOf('.')));
}

/** The sum of a metric over nodes, whatever its labels. */
export async function metricOf(nodes: readonly NodeHandle[], name: string): Promise<number> {
  let sum = 0;
  for (const node of nodes) {
    const text = await (await fetch(`http://${node.metrics}/metrics`)).text();
    for (const line of text.split('\n'))
      if (line.startsWith(name)) sum += Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return sum;
}

/** Of numbers in any order. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}
