import type { Body } from '../core/entry.ts';
import type { ThreadId } from '../core/ids.ts';

/** A message without a sequence. Validated: lengths, ids and bounds hold. */
export interface Draft {
  readonly threadId: ThreadId;
  readonly clientMessageId: string;
  readonly knownHead: bigint;
  readonly expectedSequence: bigint | undefined;
  /** 0 = none. */
  readonly replyTo: bigint;
  readonly body: Body;
}

/** What became of what was to be appended. */
export interface AppendOutcome {
  /** Of the request's last entry; 0 = nothing changed. */
  readonly sequence: bigint;
  readonly ordinal: bigint;
  readonly epoch: bigint;
  readonly createTimeMs: number;
  /** True: it had been appended before. */
  readonly duplicate: boolean;
}
