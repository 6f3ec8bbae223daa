import type { Hello } from '#proto/parley/v1/stream_service.ts';
import type { CallOptions, Carrier, CarrierStream, StreamListener } from '../../core/carrier.ts';
import type { ParleyClient } from '../../core/client.ts';
import * as Code from '../../core/codes.ts';
import { GOODBYE } from '../../core/connection-state.ts';
import { localError } from '../../core/errors.ts';
import type { Path, RequestOf, ResponseOf } from '../../core/methods.ts';
import type { Runtime } from '../../core/runtime.ts';
import { loaded } from '../../core/later.ts';
import type { Hub } from './hub.ts';
import type { Leader } from './hub-parts.ts';
import { lateStream } from './late-stream.ts';
import type { TabMessage, ToLeader } from './messages.ts';
import type * as Sharing from './sharing.ts';
import type { Following, TabStream } from './tab-stream.ts';

/** What a tab is; undefined = it is not known yet. */
export type Role = 'leading' | 'following' | 'alone' | 'asleep' | undefined;

/** What sharing takes must be here within this time. */
const loadMs = 10_000;
/** Within this time it is known that the session was superseded because another tab took the lead. */
const doubtMs = 2000;

export interface TabsOptions {
  /** Origin, user and gateway: tabs with the same one share a session. */
  readonly name: string;
  /** How the leading tab reaches a node, and each tab makes calls. */
  readonly carrier: Carrier;
  readonly runtime: Runtime;
  /** Undefined: there are none here, or the tab is to share with nobody. Then it is alone. */
  readonly locks: LockManager | undefined;
  readonly userId: string;
  readonly deviceId: string;
  /** The tab is something else now. */
  changed(role: Exclude<Role, undefined>): void;
  /** Another tab signed the user out. */
  signedOut(): void;
}

/**
 * The tabs of a user as one carrier. Who holds the lock leads: it opens the session, and the others open streams to it. All
 * wait for the lock: when the leading tab goes, the next has the lead at once. A tab that has the lead and does not answer
 * (frozen without a word, or what leading takes does not load) loses it.
 *
 * A leading tab without others opens its session as it is. When the first other comes it loads the Hub, and the session moves
 * to it as in a drain: the old stream serves until the new one is caught up.
 */
export class Tabs implements Carrier {
  readonly name: string;
  readonly version: string;
  readonly #options: TabsOptions;
  readonly #tab: string;
  /** What leading and following need of the tab. */
  readonly #parts: Leader & Following;
  #client: ParleyClient | undefined;
  #role: Role;
  #sharing: typeof Sharing | undefined;
  #hub: Hub | undefined;
  /** Streams to a node that were opened without the hub. */
  readonly #direct = new Map<CarrierStream, StreamListener>();
  /** What others said while the hub was being loaded. */
  readonly #early: ToLeader[] = [];
  /** Ends streams that were superseded, if by another tab that took the lead. */
  readonly #doubtful: (() => void)[] = [];
  #stream: TabStream | undefined;
  #streams = 0;
  #channel: BroadcastChannel | undefined;
  /** Lets go of the locks, and of the wish for them. */
  #leave: AbortController | undefined;

  constructor(options: TabsOptions) {
    this.#options = options;
    this.name = options.carrier.name;
    this.version = options.carrier.version;
    this.#tab = options.runtime.newId();
    this.#parts = {
      ...options,
      tab: this.#tab,
      wire: { post: (message) => this.#channel?.postMessage(message) },
      heads: () => this.#client?.heads() ?? [],
      unread: (threadId) => this.#client?.unread(threadId) ?? 0,
      open: (...stream) => this.#openHere(...stream),
      readDrafts: () => this.#client?.readDrafts(),
      silent: () => {
        if (this.#role === 'following' && this.#leave !== undefined) this.#lead(this.#leave, { steal: true });
      },
    };
  }

  /** Begins to be one of the tabs, or is again after `sleep`. */
  join(client: ParleyClient): void {
    if (client.connection.phase === 'closed' || this.#leave !== undefined) return;
    if (this.#client === undefined) {
      // Closed for good it can lead nobody: another tab may fare better, or finds out for itself.
      client.on('connection', ({ phase }) => phase === 'closed' && this.#letGo());
    }
    this.#client = client;
    const leave = new AbortController();
    this.#leave = leave;
    const { locks } = this.#options;
    if (locks === undefined) {
      this.#become('alone');
      return;
    }
    const channel = new BroadcastChannel(this.#options.name);
    channel.addEventListener('message', ({ data }: MessageEvent<TabMessage>) => this.#take(data));
    this.#channel = channel;
    this.#hold(`${this.#options.name} ${this.#tab}`, {}, leave, () => undefined);
    // Whether somebody leads is known at once; then this tab follows until it has the lock.
    this.#lead(leave, { ifAvailable: true }, () => {
      this.#become('following');
      this.#lead(leave, {});
    });
  }

  /** Is none of them for a while: the page is about to be stopped in its tracks. */
  sleep(): void {
    this.#letGo();
    this.#channel?.close();
    this.#channel = undefined;
  }

  /** Tells all other tabs that the user is signed out. */
  signOut(): void {
    this.#channel?.postMessage({ kind: 'signed-out' } satisfies TabMessage);
  }

  open(hello: Hello, token: string, listener: StreamListener): CarrierStream {
    if (this.#role === 'alone') return this.#options.carrier.open(hello, token, listener);
    if (this.#hub !== undefined) return this.#hub.open(hello, token, listener);
    if (this.#role === 'leading') {
      const stream = this.#openHere(hello, token, {
        frames: listener.frames,
        ended: (error) => {
          this.#direct.delete(stream);
          listener.ended(error);
        },
      });
      this.#direct.set(stream, listener);
      return stream;
    }
    // Once the role is known another is opened.
    const opening = this.#role === undefined ? new Promise<never>(() => undefined) : this.#loaded();
    return lateStream(
      opening.then((sharing) => () => this.#openThere(sharing, hello, listener)),
      listener,
    );
  }

  call<P extends Path>(path: P, request: RequestOf<P>, options: CallOptions): Promise<ResponseOf<P>> {
    return this.#options.carrier.call(path, request, options);
  }

  close(): void {
    this.sleep();
    this.#options.carrier.close();
  }

  /** A stream to a node. Superseded by another tab that took the lead, it is lost, which is not for good. */
  #openHere(hello: Hello, token: string, { frames: told, ended }: StreamListener): CarrierStream {
    const { carrier, runtime } = this.#options;
    let isSuperseded = false;
    return carrier.open(hello, token, {
      frames: (frames, bytes) => {
        const rest = frames.filter(
          ({ frame }) => frame?.$case !== 'goodbye' || frame.value.reason !== GOODBYE.superseded,
        );
        isSuperseded ||= rest.length < frames.length;
        told(rest, bytes);
      },
      ended: (error) => {
        if (!isSuperseded && error?.code !== Code.ABORTED) {
          ended(error);
          return;
        }
        // What is told first counts.
        this.#doubtful.push(() => {
          ended(localError('CONNECTION_LOST', 'another tab took the lead', Code.UNAVAILABLE));
        });
        if (this.#role === 'leading') runtime.setTimer(doubtMs, () => ended(error));
        else this.#lose();
      },
    });
  }

  /** A stream to the tab that leads. */
  #openThere(sharing: typeof Sharing, hello: Hello, listener: StreamListener): CarrierStream {
    this.#streams += 1;
    this.#stream = sharing.following(this.#parts, this.#streams, hello, listener);
    return this.#stream;
  }

  async #loaded(): Promise<typeof Sharing> {
    this.#sharing = await loaded(() => import('./sharing.ts'), this.#options.runtime, loadMs);
    return this.#sharing;
  }

  /** Another tab says something to this one, which leads. */
  async #hear(message: ToLeader): Promise<void> {
    this.#early.push(message);
    // Not to be had: the other tab, which has it, takes the lead from one that does not answer.
    const sharing = this.#sharing ?? (await this.#loaded().catch(() => undefined));
    if (sharing === undefined || this.#role !== 'leading') {
      this.#early.length = 0;
      return;
    }
    if (this.#hub === undefined) {
      this.#hub = sharing.leading(this.#parts);
      this.#move();
    }
    for (const early of this.#early.splice(0)) this.#hub.take(early);
  }

  /** Moves the session from its stream to one of the hub's. */
  #move(): void {
    const value = { reason: GOODBYE.draining, reconnect: true, delay: undefined, jitter: undefined, message: '' };
    const isSteady = this.#client?.connection.phase === 'live' && this.#direct.size === 1;
    for (const [stream, { frames }] of this.#direct) {
      if (isSteady) frames([{ frame: { $case: 'goodbye', value } }], 0);
      else stream.abort();
    }
  }

  /** Has no part in the session any more; what is said to all is still heard. */
  #letGo(): void {
    if (this.#leave === undefined) return;
    this.#become('asleep');
    this.#leave.abort();
    this.#leave = undefined;
  }

  /** Wants the lead. `taken`: with `ifAvailable`, another tab has it. */
  #lead(leave: AbortController, how: LockOptions, taken?: () => void): void {
    const has = (): void => {
      // Who followed knows of others, and has what it takes.
      if (this.#sharing !== undefined) this.#hub = this.#sharing.leading(this.#parts);
      this.#channel?.postMessage({ kind: 'leads' } satisfies TabMessage);
      this.#become('leading');
    };
    this.#hold(this.#options.name, how, leave, has, taken);
  }

  /** Holds a lock until the tab leaves. `lost`: it was not to be had, or was taken away. */
  #hold(name: string, how: LockOptions, leave: AbortController, has: () => void, lost?: () => void): void {
    const { signal } = leave;
    const options = how.ifAvailable === true || how.steal === true ? how : { ...how, signal };
    this.#options.locks
      ?.request(name, options, (lock) => {
        if (signal.aborted) return undefined;
        if (lock === null) {
          lost?.();
          return undefined;
        }
        has();
        return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      })
      .catch(() => {
        // Given up, or taken away by a tab that thought this one dead.
        if (signal.aborted || this.#role !== 'leading') return;
        this.#become('following');
        this.#lead(leave, {});
      });
  }

  #become(role: Exclude<Role, undefined>): void {
    if (role === this.#role) return;
    this.#role = role;
    if (role !== 'leading') {
      this.#hub?.stop();
      this.#hub = undefined;
      this.#lose();
    }
    this.#options.changed(role);
  }

  #lose(): void {
    for (const end of this.#doubtful.splice(0)) end();
  }

  #take(message: TabMessage): void {
    switch (message.kind) {
      case 'signed-out':
        this.#options.signedOut();
        return;
      case 'open':
      case 'say':
      case 'close':
        if (this.#role === 'leading') void this.#hear(message);
        return;
      case 'live':
        if (this.#client?.connection.phase === 'waiting') this.#client.reconnect();
        return;
      default:
        if (this.#role !== 'leading') this.#stream?.take(message);
    }
  }
}
