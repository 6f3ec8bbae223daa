import type { ThreadId } from '../core/ids.ts';

/** Hears that devices acknowledge threads, before and after that is stored. */
export interface AcknowledgedListener {
  /**
   * `acknowledged`: by thread the highest sequence. Not stored before this resolves; when it rejects, it is tried again later. What it resolves
   * with is called when it is stored, and must not throw.
   */
  willStore(acknowledged: ReadonlyMap<ThreadId, bigint>): Promise<() => void>;
}
