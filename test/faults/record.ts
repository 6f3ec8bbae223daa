// What clients did and were told, one record each, in the order in which it happened to them: all clients of a run live in
// one process, so that order is one for all. The checker judges it, and knows nothing else. As JSON lines it outlives the run.

/** A device of a user, in one of its lives: a life begins with nothing but the device's id. `life` 0 reads logs by plain calls. */
export interface Listener {
  readonly user: string;
  readonly device: string;
  readonly life: number;
}

/** What an entry of a thread says. Contents as hashes. */
export interface Said {
  readonly sender: string;
  /** client_message_id; empty where the entry has none. */
  readonly ref: string;
  readonly what:
    | 'message'
    | 'edit'
    | 'delete'
    | 'reaction'
    | 'created'
    | 'added'
    | 'removed'
    | 'role'
    | 'changed'
    | 'other';
  /** The user added or removed, the sequence edited or deleted, the members at the start by comma; else empty. */
  readonly subject: string;
  /** Hash of the content as it is now; empty where there is none. */
  readonly body: string;
  /** Sequence of the edit that the content is of; 0 = as it was said. */
  readonly edit: number;
  readonly erased: boolean;
}

/** What somebody asks for that becomes an entry. */
export interface Wish {
  readonly user: string;
  readonly thread: string;
  readonly ref: string;
  readonly what: Said['what'];
  readonly subject: string;
  readonly body: string;
}

export type Told =
  /** A device begins a life: from now on it is to hear what its user may. */
  | { readonly kind: 'opened'; readonly listener: Listener }
  | { readonly kind: 'asked'; readonly wish: Wish }
  /** It is durable as this sequence; 0 = nothing was to be done. */
  | { readonly kind: 'acknowledged'; readonly ref: string; readonly sequence: number }
  /** Refused for good. `expected`: whoever asked could know. */
  | { readonly kind: 'refused'; readonly ref: string; readonly reason: string; readonly expected: boolean }
  /** Nobody asks any more: it may be in the log or not. */
  | { readonly kind: 'given-up'; readonly ref: string }
  | {
      readonly kind: 'heard';
      readonly listener: Listener;
      readonly thread: string;
      readonly epoch: string;
      readonly sequence: number;
      readonly said: Said;
    }
  /** The thread's log is said to be another one. */
  | { readonly kind: 'restarted'; readonly listener: Listener; readonly thread: string }
  /** A question about positions begins; its answer bears the same number. */
  | { readonly kind: 'positions-asked'; readonly ask: number; readonly thread: string }
  | {
      readonly kind: 'position';
      /** 0 = told without a question. */
      readonly ask: number;
      readonly listener: Listener;
      readonly thread: string;
      readonly user: string;
      readonly delivered: number;
      readonly read: number;
    }
  /** The device says that its user has read up to there. */
  | { readonly kind: 'reads'; readonly listener: Listener; readonly thread: string; readonly sequence: number }
  /** At the end, when all is calm: the log's head as a member is told it, after reading all of it as a listener of life 0. */
  | { readonly kind: 'whole'; readonly listener: Listener; readonly thread: string; readonly head: number }
  /** At the end: what was awaited and did not come within its bound. */
  | { readonly kind: 'stuck'; readonly what: string }
  /** At the end, after its bound. */
  | {
      readonly kind: 'presence';
      readonly asker: string;
      readonly user: string;
      readonly state: string;
      readonly is: string;
    }
  /** Broken, mended, or a process ended by itself. */
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'crashed'; readonly text: string };

/** `atMs` since the run began. */
export type FaultRecord = Told & { readonly atMs: number };

export const nameOf = ({ user, device, life }: Listener): string => `${user}/${device}#${life}`;
