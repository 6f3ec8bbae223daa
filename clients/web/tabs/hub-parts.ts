import type { ClientFrame, Hello, Welcome } from '#proto/parley/v1/stream_service.ts';
import type { ThreadHead } from '#proto/parley/v1/thread.ts';
import type { CarrierStream, StreamListener } from '../../core/carrier.ts';
import type { Wire } from './messages.ts';

/** What the hub needs of the leading tab. */
export interface Leader {
  readonly userId: string;
  readonly deviceId: string;
  readonly wire: Wire;
  /** Of the tabs' locks; each tab holds one by this name, a space and its own. */
  readonly name: string;
  readonly locks: LockManager | undefined;
  /** Takes in drafts that another tab left in the store. */
  readDrafts(): Promise<void> | undefined;
  /** Where the threads stand. */
  heads(): readonly ThreadHead[];
  unread(threadId: string): number;
  /** Opens a stream to a node. */
  open(hello: Hello, token: string, listener: StreamListener): CarrierStream;
}

/** What a tab asked, until it is answered. */
export interface Asked {
  readonly tab: string;
  readonly stream: number;
  readonly requestId: bigint;
  readonly frame: ClientFrame['frame'];
  readonly unread: number;
}

/** One stream to a node, opened by the leading tab's client. */
export interface Upstream {
  readonly stream: CarrierStream;
  /** What waits for a reply, by the id that the node knows. */
  readonly asked: Map<bigint, Asked>;
  /** Channels that it hears. */
  readonly channels: Set<string>;
  welcome: Welcome | undefined;
  isCaughtUp: boolean;
}

/** A following tab as the hub knows it. */
export interface Follower {
  readonly stream: number;
  foreground: boolean;
  begun: boolean;
}
