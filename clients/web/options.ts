import type { ClientOptions } from '../core/client-options.ts';
import type { GetToken } from '../core/tokens.ts';

export interface ParleyOptions {
  /** Where the gateway is: an origin such as `https://chat.example.com`. Default: the page's own. */
  readonly url?: string;
  /**
   * Fetches a bearer token of the user, without the word: called when one is needed, before it expires and after it was refused, and anew when it
   * gave none within 15 s. It must be the same user's each time; for another user, `signOut` or `close` and open again.
   */
  readonly getToken: GetToken;
  /**
   * Whose the page is: `sub` of the tokens. Give it when the page knows: then what is kept shows before the first token is there, and
   * without a network. Default: read from the first token, which is waited for.
   */
  readonly userId?: string;
  /** What this browser keeps of the user on disk; false = nothing, drafts included. */
  readonly keep?: false | KeepOptions;
  /**
   * False: each tab has a session and a device of its own, and keeps drafts only. Default true; in a browser without Web
   * Locks it is as if false.
   */
  readonly shareTabs?: boolean;
  /** Messages and changes a thread has in memory at most; default 1,000, at least 1. */
  readonly keepItems?: number;
  /** Bounds of the outbox, as in clients/core. */
  readonly outbox?: ClientOptions['outbox'];
}

export interface KeepOptions {
  /** Messages and changes of one thread; default 200. The newest stay. */
  readonly itemsPerThread?: number;
  /** Of all threads together; default 20,000. The threads that were quiet longest lose theirs first. */
  readonly items?: number;
}
