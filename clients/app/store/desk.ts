import type { ReactNode } from 'react';
import type { ThreadMember } from '#proto/parley/v1/thread.ts';
import type { Parley } from '../../web/parley.ts';
import type { Account } from './account.ts';
import { browserName } from './browser-name.ts';
import { Cell } from './cell.ts';
import { Conversation } from './conversation.ts';
import type { Router } from './route.ts';
import type { SettingsStore } from './settings.ts';

/** Something that lies over the page next to what opened it. */
export interface Popover {
  readonly anchor: Element;
  readonly content: ReactNode;
}

/** Conversations that are kept as they were left. */
const mostConversations = 4;
const writtenKey = 'parley.written.';
const namedKey = 'parley.named';
/** DEVICE_PLATFORM_WEB. */
const web = 3;
const toastMs = 5_000;

/** What the app has beside the SDK: what is open, what is half written, what lies over the page. One for each sign-in. */
export class Desk {
  readonly parley: Parley;
  readonly account: Account;
  readonly router: Router;
  readonly settings: SettingsStore;
  readonly dialog = new Cell<ReactNode>(undefined);
  readonly popover = new Cell<Popover | undefined>(undefined);
  /** A sentence that is shown for some seconds. */
  readonly toast = new Cell<{ readonly text: string } | undefined>(undefined);
  /** Whom the user blocks. */
  readonly blocked = new Cell<ReadonlySet<string>>(new Set());
  /** Live posts that the user is known to moderate. */
  readonly moderated: Cell<ReadonlySet<string>>;
  /** Members of groups, by thread, as far as somebody looked. */
  readonly members = new Cell<ReadonlyMap<string, readonly ThreadMember[]>>(new Map());
  /** Says an error in the user's language; set by what knows it. */
  sentence: (error: unknown) => string = String;
  readonly #conversations = new Map<string, Conversation>();
  readonly #ends: (() => void)[];

  constructor(parley: Parley, account: Account, router: Router, settings: SettingsStore) {
    this.parley = parley;
    this.account = account;
    this.router = router;
    this.settings = settings;
    this.moderated = new Cell<ReadonlySet<string>>(new Set(account.demo === undefined ? [] : [account.demo.channelId]));
    const { client } = parley;
    this.#ends = [
      // What lies over a page belongs to it: the browser's own way back takes both.
      router.route.subscribe(() => {
        this.dialog.set(undefined);
        this.popover.set(undefined);
      }),
      client.on('caughtUp', () => {
        void this.#readBlocked();
        void this.#nameDevice();
      }),
      client.on('userEntry', ({ kind }) => {
        if (kind?.$case !== 'blockChanged') return;
        const blocked = new Set(this.blocked.get());
        if (kind.value.blocked) blocked.add(kind.value.userId);
        else blocked.delete(kind.value.userId);
        this.blocked.set(blocked);
      }),
      client.on('entry', ({ threadId, entry }) => {
        const changes = ['memberAdded', 'memberRemoved', 'roleChanged'];
        if (!changes.includes(entry.kind?.$case ?? '') || !this.members.get().has(threadId)) return;
        const isMine = entry.kind?.$case === 'memberRemoved' && entry.kind.value.userId === this.me;
        // Who was removed may ask no more.
        if (isMine) this.members.set(new Map([...this.members.get()].filter(([id]) => id !== threadId)));
        else void this.readMembers(threadId);
      }),
    ];
  }

  get me(): string {
    return this.parley.userId;
  }

  /** A thread that comes on screen. */
  openConversation(threadId: string): Conversation {
    const conversation = this.#conversations.get(threadId) ?? new Conversation(this.parley, threadId);
    // The last one used is the last one to go.
    this.#conversations.delete(threadId);
    this.#conversations.set(threadId, conversation);
    const [oldest] = this.#conversations.keys();
    if (this.#conversations.size > mostConversations && oldest !== undefined) this.#conversations.delete(oldest);
    conversation.open();
    return conversation;
  }

  /** What is written and not sent, kept through reloads of the tab. */
  written(threadId: string): string {
    return sessionStorage.getItem(writtenKey + threadId) ?? '';
  }

  keepWritten(threadId: string, text: string): void {
    try {
      if (text === '') sessionStorage.removeItem(writtenKey + threadId);
      else sessionStorage.setItem(writtenKey + threadId, text);
    } catch {
      // No room: it is kept as long as the page shows it.
    }
  }

  /** Says something for some seconds. */
  say(text: string): void {
    const toast = { text };
    this.toast.set(toast);
    setTimeout(() => {
      if (this.toast.get() === toast) this.toast.set(undefined);
    }, toastMs);
  }

  /** Owns a promise: what it rejects with is said, and undone by `undo`. Resolves to undefined then. */
  async act<T>(doing: Promise<T>, undo?: () => void): Promise<T | undefined> {
    try {
      return await doing;
    } catch (error) {
      this.say(this.sentence(error));
      undo?.();
      return undefined;
    }
  }

  async readMembers(threadId: string): Promise<void> {
    const members: ThreadMember[] = [];
    for (let pageToken = ''; ;) {
      const page = await this.act(this.parley.client.threads.members(threadId, { pageSize: 500, pageToken }));
      if (page === undefined) return;
      members.push(...page.members);
      pageToken = page.nextPageToken;
      if (pageToken === '') break;
    }
    this.members.set(new Map(this.members.get()).set(threadId, members));
  }

  openThread(threadId: string): void {
    this.dialog.set(undefined);
    this.router.go({ kind: 'thread', threadId });
  }

  /** Opens the direct chat with somebody. */
  async openPerson(userId: string): Promise<void> {
    this.dialog.set(undefined);
    const thread = await this.act(this.parley.client.threads.open(userId));
    if (thread !== undefined) this.openThread(thread.threadId);
  }

  openPost(channelId: string): void {
    this.dialog.set(undefined);
    this.settings.addPost(channelId);
    this.router.go({ kind: 'live', channelId });
  }

  close(): void {
    for (const end of this.#ends) end();
  }

  /** Tells once what this browser is called where the user's devices are listed. */
  async #nameDevice(): Promise<void> {
    const { client, deviceId } = this.parley;
    const displayName = browserName(navigator.userAgent);
    const named = `${deviceId} ${displayName}`;
    try {
      if (localStorage.getItem(namedKey) === named) return;
      await client.account.registerDevice({ deviceId, platform: web, displayName });
      localStorage.setItem(namedKey, named);
    } catch {
      // It is tried again when the app is caught up again.
    }
  }

  async #readBlocked(): Promise<void> {
    const blocked = new Set<string>();
    for (let pageToken = ''; ;) {
      const page = await this.parley.client.people.blocked({ pageSize: 200, pageToken }).catch(() => undefined);
      if (page === undefined) return;
      for (const userId of page.userIds) blocked.add(userId);
      pageToken = page.nextPageToken;
      if (pageToken === '') break;
    }
    this.blocked.set(blocked);
  }
}
