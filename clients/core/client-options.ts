import type { Carrier } from './carrier.ts';
import type { DraftStore } from './draft.ts';
import type { ThreadHead } from '#proto/parley/v1/thread.ts';
import type { Runtime } from './runtime.ts';
import type { GetToken } from './tokens.ts';

/** What a device was told already, kept from one process to the next. */
export interface ResumeState {
  /** Opaque, at most 512 bytes, good for 30 days. */
  readonly token: Uint8Array;
  /** The user's own log: epoch, and up to where it is held. */
  readonly userEpoch: bigint;
  readonly userSequence: bigint;
}

/** What an application that keeps its threads has of them. */
export interface KeptState {
  /** Undefined: threads were kept and the token was not, or is no good any more. */
  readonly resume: ResumeState | undefined;
  /**
   * Where each thread stood here, as `ParleyClient.heads` answered it: everything up to `delivered_sequence` was told to the
   * application and is kept. The most recently active last.
   */
  readonly heads: readonly ThreadHead[];
}

/**
 * Where the resume state outlives the process. Give one only to an application that keeps its threads too: with a resume
 * token the server tells only of what changed since.
 */
export interface ResumeStore {
  load(): Promise<KeptState>;
  save(state: ResumeState): Promise<void>;
  /** Keeps what was told so far; nothing of it is acknowledged before this resolves, at once where it answers undefined. Must not reject. */
  flush?(): Promise<void> | undefined;
}

export interface ClientOptions {
  /** How to reach a node, such as `new NodeCarrier({target: '127.0.0.1:8080'})`. */
  readonly carrier: Carrier;
  /** Fetches a bearer token; called before the last one expires and after it was refused. */
  readonly getToken: GetToken;
  /** The device: 1–64 bytes of [A-Za-z0-9._-], chosen once by the installation and kept. */
  readonly deviceId: string;
  /** Whose device it is, when that is known before the first Welcome says it. Tokens of another user are not used: ANOTHER_USER. */
  readonly userId?: string;
  /** Keeps drafts through restarts; without one they die with the process. */
  readonly drafts?: DraftStore;
  readonly resume?: ResumeStore | undefined;
  /** Bounds of the outbox; default 1,000 drafts and 4 MiB. `inFlightPerThread`: see Outbox; default 1, strict order. */
  readonly outbox?:
    | { readonly maxDrafts?: number; readonly maxBytes?: number; readonly inFlightPerThread?: number }
    | undefined;
  /** Lines (messages and changes) kept per thread for `items`; default 1,000; 0 = none, events only. */
  readonly keepItems?: number | undefined;
  /**
   * What becomes of entries that were left out of the stream because too much was missed or unacknowledged: `fetch`
   * (default) brings them as events, in order; `history` leaves them to history calls and goes on after them. Then
   * they are acknowledged without having been told. Of threads of which a stream told the heads alone, `fetch` brings all that is missing,
   * the most recently active first; `history` that of the hundred active last, and of others when they come on screen or something
   * happens in them: until then they are not acknowledged.
   */
  readonly skipped?: 'fetch' | 'history';
  /**
   * When a message counts as delivered to this device: `when-told` (default) as soon as its event was told; `by-hand`
   * when the application calls `ack`, for instance after it wrote it to its database. Who never does stops the stream.
   */
  readonly acknowledge?: 'when-told' | 'by-hand';
  /** Whether the app is in front of the user; default true. See `setForeground`. */
  readonly foreground?: boolean;
  /** Time and chance; for tests. */
  readonly runtime?: Runtime;
}
