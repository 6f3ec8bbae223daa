import type { ThreadId } from '../core/ids.ts';

/** Hears that devices acknowledged threads, before and after that is stored. */
export interface AcknowledgedListener {
  /** Not stored before this resolves; when it rejects, it is tried again later. */
  willStore(threads: ReadonlySet<ThreadId>): Promise<void>;
  /** It is stored. Must not throw. */
  stored(threads: ReadonlySet<ThreadId>): void;
}
