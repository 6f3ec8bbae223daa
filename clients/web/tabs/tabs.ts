import type { Hello } from '#proto/parley/v1/stream_service.ts';
import type { CallOptions, Carrier, CarrierStream, StreamListener } from '../../core/carrier.ts';
import type { ParleyClient } from '../../core/client.ts';
import type { Path, RequestOf, ResponseOf } from '../../core/methods.ts';
import type { Runtime } from '../../core/runtime.ts';
import { Hub } from './hub.ts';
import type { TabMessage } from './messages.ts';
import { TabStream } from './tab-stream.ts';

/** What a tab is; undefined = it is not known yet. */
export type Role = 'leading' | 'following' | 'asleep' | undefined;

export interface TabsOptions {
  /** Origin, user and gateway: tabs with the same one share a session. */
  readonly name: string;
  /** How the leading tab reaches a node, and each tab makes calls. */
  readonly carrier: Carrier;
  readonly runtime: Runtime;
  readonly locks: LockManager;
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
 * (frozen without a word) loses it.
 */
export class Tabs implements Carrier {
  readonly name: string;
  readonly version: string;
  readonly #options: TabsOptions;
  readonly #tab: string;
  #client: ParleyClient | undefined;
  #role: Role;
  #hub: Hub | undefined;
  #stream: TabStream | undefined;
  #streams = 0;
  #channel: BroadcastChannel | undefined;
  /** Lets go of the locks, and of the wish for them. */
  #leave: AbortController | undefined;
  /** Following tabs that are watched for their end. */
  readonly #watched = new Set<string>();

  constructor(options: TabsOptions) {
    this.#options = options;
    this.name = options.carrier.name;
    this.version = options.carrier.version;
    this.#tab = options.runtime.newId();
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
    if (this.#hub !== undefined) return this.#hub.open(hello, token, listener);
    this.#streams += 1;
    const { runtime } = this.#options;
    const following = {
      tab: this.#tab,
      runtime,
      wire: { post: (message: TabMessage) => this.#channel?.postMessage(message) },
      unread: (threadId: string) => this.#client?.unread(threadId) ?? 0,
      silent: () => {
        if (this.#role === 'following' && this.#leave !== undefined) this.#lead(this.#leave, { steal: true });
      },
    };
    this.#stream = new TabStream(following, this.#streams, hello, listener);
    return this.#stream;
  }

  call<P extends Path>(path: P, request: RequestOf<P>, options: CallOptions): Promise<ResponseOf<P>> {
    return this.#options.carrier.call(path, request, options);
  }

  close(): void {
    this.sleep();
    this.#options.carrier.close();
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
      const { carrier, userId, deviceId, runtime } = this.#options;
      const hub = new Hub(
        carrier,
        { post: (message) => this.#channel?.postMessage(message) },
        {
          userId,
          deviceId,
          heads: () => this.#client?.heads() ?? [],
          unread: (threadId) => this.#client?.unread(threadId) ?? 0,
          leads: () => this.#hub === hub,
          setTimer: (delayMs, run) => void runtime.setTimer(delayMs, run),
        },
      );
      this.#hub = hub;
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
      .request(name, options, (lock) => {
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
      this.#watched.clear();
    }
    this.#options.changed(role);
  }

  #take(message: TabMessage): void {
    switch (message.kind) {
      case 'signed-out':
        this.#options.signedOut();
        return;
      case 'open':
        if (this.#hub !== undefined) this.#watch(message.tab);
        this.#hub?.take(message);
        return;
      case 'say':
      case 'close':
        this.#hub?.take(message);
        return;
      default:
        if (this.#hub === undefined) this.#stream?.take(message);
    }
  }

  /** Learns of a following tab's end: its lock is free then. What it had no time to send is in the store. */
  #watch(tab: string): void {
    if (this.#watched.has(tab) || this.#leave === undefined) return;
    this.#watched.add(tab);
    const hub = this.#hub;
    const { signal } = this.#leave;
    this.#options.locks
      .request(`${this.#options.name} ${tab}`, { signal }, async () => {
        this.#watched.delete(tab);
        if (this.#hub !== hub) return;
        hub?.leave(tab);
        await this.#client?.readDrafts();
      })
      .catch(() => undefined);
  }
}
