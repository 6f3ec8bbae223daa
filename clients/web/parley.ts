import { ParleyClient } from '../core/client.ts';
import type { ConnectionState } from '../core/connection-state.ts';
import * as Code from '../core/codes.ts';
import { localError } from '../core/errors.ts';
import { claimsOf } from '../core/tokens.ts';
import type { GetToken } from '../core/tokens.ts';
import { WebCarrier } from './carrier.ts';
import type { ParleyOptions } from './options.ts';
import { followPage, isInFront } from './page.ts';
import { PageRuntime } from './page-runtime.ts';
import { Parts } from './parts.ts';
import { Database } from './storage/database.ts';
import { forgetTabDevice, isKeptDevice, keptDeviceId, tabDeviceId } from './storage/device.ts';
import { KeptDrafts } from './storage/kept-drafts.ts';
import { Keeper } from './storage/keeper.ts';
import { Tabs } from './tabs/tabs.ts';
import { Value } from './view.ts';
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
 * one that has a session of its own, or asleep (frozen, in the back/forward cache, or its connection closed for good).
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
  /** What the views of this package stand on; not for applications. */
  readonly parts: Parts;
  /**
   * Ends the session in all tabs of the user, takes the device from the account (when the server is in reach), and wipes all that the
   * browser keeps of the user, drafts included. Resolves when it is wiped. Signed out from another device, a browser that hears of it does the
   * same by itself: `connection` is then closed as `signed-out`.
   */
  signOut(): Promise<void>;
  /** Ends this tab's part; what is kept stays. Idempotent. */
  close(): Promise<void>;
}

/** A sign-out waits this long for the server. */
const signOutMs = 5000;

/**
 * Opens a user's chat in this tab. Resolves when what is kept on disk is read, before there is a connection: views show what is
 * kept at once. Without `userId` it waits for the first token and rejects with TOKEN_UNAVAILABLE when there is none.
 */
export async function openParley(options: ParleyOptions): Promise<Parley> {
  const { url = '', keep = {}, shareTabs = true } = options;
  const { userId, getToken } =
    options.userId === undefined ? await firstToken(options.getToken) : { ...options, userId: options.userId };
  const runtime = new PageRuntime();
  runtime.wake();
  const name = `parley ${new URL(url, location.href).origin} ${userId}`;
  const storage = new Value<StorageState>(runtime, { kind: 'disk' });
  const database = new Database(name, runtime, () => storage.set(database.state));
  // While the database opens: the first look at either is slow.
  const asked = shareTabs ? locksHere() : undefined;
  if (keep === false) database.giveUp('off', undefined);
  else await database.open();
  const keeper = new Keeper(database, runtime, keep === false ? {} : keep);
  const carrier = new WebCarrier({ address: url, runtime });
  const locks = await asked;
  const deviceId = (locks && (await keptDeviceId(database, runtime))) ?? tabDeviceId(name, runtime);
  const role = new Value<TabRole>(runtime, locks === undefined ? 'alone' : 'following');
  const become = (now: TabRole): void => {
    role.set(now);
    keeper.active = now === 'leading';
    if (now === 'leading' || now === 'following') client.reconnect();
    if (now === 'leading') void client.readDrafts();
  };
  const signedOut = (): void => void leave();
  const tabs = new Tabs({ name, carrier, runtime, locks, userId, deviceId, changed: become, signedOut });
  const client = new ParleyClient({
    carrier: tabs,
    getToken,
    deviceId,
    userId,
    runtime,
    drafts: new KeptDrafts(database, () => keeper.flush()),
    // Where a tab is a device of its own, what another was told is no place to go on from.
    resume: locks && keeper,
    skipped: 'history',
    foreground: isInFront(),
    outbox: options.outbox,
    keepItems: options.keepItems,
  });
  keeper.attach(client);
  const parts = new Parts(client, keeper, runtime);
  const connection = new Value<ConnectionState>(runtime, client.connection);
  client.on('connection', (state) => {
    connection.set(state);
    // On another device, or by another tab.
    if (state.phase === 'closed' && state.reason === 'signed-out') void wipe();
  });
  let asleep = false;
  /** How often it fell asleep. */
  let sleeps = 0;
  const unfollow = followPage({
    client,
    flush: () => void keeper.flush(),
    sleep: () => {
      asleep = true;
      sleeps += 1;
      client.suspend();
      tabs.sleep();
      runtime.sleep();
      // Nothing is written first: a page that stops within a write holds up the tab that wipes the database. Whoever leads next writes anew.
      database.close();
    },
    wake: () => void wake(),
  });
  const wake = async (): Promise<void> => {
    if (!asleep) return;
    asleep = false;
    const before = sleeps;
    runtime.wake();
    // Signed out elsewhere meanwhile, which a tab that sleeps is not told.
    const isThere = await database.reopen();
    const isOurs = isThere && (locks === undefined || (await isKeptDevice(database, deviceId)));
    if (sleeps !== before) {
      if (asleep) database.close();
      return;
    }
    if (!isOurs) {
      await leave();
      return;
    }
    tabs.join(client);
    client.setForeground(isInFront());
    await client.start();
  };
  /** Ends the tab's part. */
  const leave = async (): Promise<void> => {
    unfollow();
    await keeper.flush();
    keeper.stop();
    await client.close();
    database.close();
    runtime.sleep();
  };
  let wiping: Promise<void> | undefined;
  /** Ends it in all tabs, and nothing is left of the user here. */
  const wipe = (): Promise<void> => {
    const wipeOnce = async (): Promise<void> => {
      keeper.stop();
      tabs.signOut();
      await leave();
      await database.wipe();
      forgetTabDevice(name);
    };
    return (wiping ??= wipeOnce());
  };
  tabs.join(client);
  await client.start();
  return {
    userId,
    deviceId,
    client,
    connection,
    storage,
    role,
    parts,
    close: leave,
    async signOut() {
      keeper.stop();
      tabs.signOut();
      // Not in reach: the device stays in the account's list, and nothing of it here.
      await client.account.removeDevice(deviceId, { deadlineMs: signOutMs }).catch(() => undefined);
      await wipe();
    },
    [Symbol.asyncDispose]: leave,
  };
}

/** Web Locks; undefined where there are none, or the user lets the site keep nothing: that refuses these too. */
async function locksHere(): Promise<LockManager | undefined> {
  const { locks } = navigator as { locks?: LockManager };
  return locks?.query().then(
    () => locks,
    () => undefined,
  );
}

/** Reads whose the first token is; it is not fetched again. */
async function firstToken(getToken: GetToken): Promise<{ userId: string; getToken: GetToken }> {
  let first: string | undefined;
  try {
    first = await getToken();
  } catch (error) {
    throw localError('TOKEN_UNAVAILABLE', 'no token could be had', Code.UNAVAILABLE, error);
  }
  const { sub } = claimsOf(first);
  if (typeof sub !== 'string') throw localError('TOKEN_UNAVAILABLE', 'the token names no user', Code.UNAUTHENTICATED);
  return {
    userId: sub,
    getToken: () => {
      const token = first ?? getToken();
      first = undefined;
      return token;
    },
  };
}
