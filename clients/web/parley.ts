import type { ParleyClient } from '../core/client.ts';
import type { ConnectionState } from '../core/connection-state.ts';
import type { ParleyOptions } from './options.ts';
import type { View } from './view.ts';

/** Where what should outlive the page is kept, and why it is not on disk when it is not. Without a disk all else works. */
export type StorageState =
  | { readonly kind: 'disk' }
  /**
   * `off`: the options said so; `absent`: the browser has no IndexedDB for this page; `denied`: it refuses (private mode, a policy, a damaged
   * database); `full`: the quota is used up. Drafts then live as long as the page: say so before it is closed with `client.draftCount` > 0.
   */
  | { readonly kind: 'memory'; readonly why: 'off' | 'absent' | 'denied' | 'full'; readonly error: unknown };

/**
 * What a tab is among the tabs of the same origin and user: the one that holds the session, one that speaks through it,
 * one that has a session of its own, or asleep (frozen, or in the back/forward cache).
 */
export type TabRole = 'leading' | 'following' | 'alone' | 'asleep';

/**
 * One user in one tab. All tabs of an origin and user are one device with one session: one leads and holds the stream, the
 * others speak through it, and when it goes another takes over. None of this shows in `client`: it is the same in each.
 */
export interface Parley extends AsyncDisposable {
  readonly userId: string;
  /** This browser as a device of the user; made once and kept. Of its own for each page where nothing can be kept. */
  readonly deviceId: string;
  /**
   * Events, sending and calls: see ParleyClient. Two things are the SDK's own: whom presence is watched for (use `presenceView`, not
   * `watchPresence`), and the page's life (`start`, `close`, `suspend`, `setForeground` are called for you).
   */
  readonly client: ParleyClient;
  readonly connection: View<ConnectionState>;
  readonly storage: View<StorageState>;
  readonly role: View<TabRole>;
  /**
   * Ends the session in all tabs of the user, takes the device from the account (when the server is in reach), and wipes all that the
   * browser keeps of the user, drafts included. Resolves when it is wiped.
   */
  signOut(): Promise<void>;
  /** Ends this tab's part; what is kept stays. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens a user's chat in this tab. Resolves when what is kept on disk is read, before there is a connection: views show what is
 * kept at once. Without `userId` it waits for the first token and rejects with TOKEN_UNAVAILABLE when there is none.
 */
export function openParley(options: ParleyOptions): Promise<Parley> {
  return Promise.reject(new Error(`not yet: ${options.url ?? ''}`));
}
