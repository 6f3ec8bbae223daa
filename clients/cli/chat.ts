import type { Entry } from '#proto/parley/v1/entry.ts';
import type { Message } from '#proto/parley/v1/thread.ts';
import type { ParleyClient } from '../core/client.ts';
import type { Draft } from '../core/draft.ts';
import { ParleyError } from '../core/errors.ts';
import { msOf } from '../core/times.ts';
import { Names } from './names.ts';
import { ThreadRows } from './thread-rows.ts';

/** Messages read when a thread is opened, and with every page. */
const pageMessages = 50;
const mostPerCall = 200;
const mostWatched = 200;
const hidden = 4;
/** A node may take a second to notice that both have written. */
const receiptsMs = 1500;

export interface ChatListener {
  /** Something on the screen may be another. */
  changed(): void;
  /** Something for people to read, once. */
  notice(text: string): void;
  /** A message or change that came, of any thread. */
  heard?(threadId: string, entry: Entry): void;
  /** A message of the user’s own is durable, or refused. */
  sent?(threadId: string, draft: Draft, sequence: bigint): void;
  /** Receipts of a thread are others now. */
  receipts?(threadId: string): void;
}

interface OpenState {
  readonly threadId: string;
  /** The read position when it was opened: what is above is new. */
  readonly readUpTo: bigint;
  /** Whether there was something new. */
  readonly hadNews: boolean;
  hasBeginning: boolean;
  isReading: boolean;
}

export interface FailedDraft {
  readonly draft: Draft;
  readonly error: ParleyError;
}

/** What a person does with Parley at a terminal, without the terminal: threads, the open one, and what is done in it. */
export class Chat {
  readonly client: ParleyClient;
  /** host:port of the gateway. */
  readonly target: string;
  readonly names: Names;
  readonly rows: ThreadRows;
  readonly failed = new Map<string, FailedDraft[]>();
  /** Set by the front end, once. */
  listener: ChatListener | undefined;
  #open: OpenState | undefined;
  #watched = '';
  #isWatching = false;
  #isToWatch = false;
  #receipts: NodeJS.Timeout | undefined;
  #connectionMs = performance.now();

  constructor(client: ParleyClient, target: string) {
    const changed = (): void => this.listener?.changed();
    this.client = client;
    this.target = target;
    this.names = new Names(client, changed);
    this.rows = new ThreadRows(client, changed);
    client.on('connection', () => {
      this.#connectionMs = performance.now();
      changed();
    });
    client.on('entry', ({ threadId, entry }) => this.#heard(threadId, entry));
    client.on('message', changed);
    client.on('heads', (heads) => {
      for (const head of heads) this.rows.touch(head.threadId, msOf(head.activityTime) ?? 0);
      changed();
    });
    client.on('userEntry', ({ kind }) => {
      const value = kind?.value;
      if (value !== undefined && 'threadId' in value) void this.rows.refresh(value.threadId).then(() => this.#watch());
    });
    client.on('receipt', ({ threadId }) => {
      this.listener?.receipts?.(threadId);
      changed();
    });
    for (const name of ['read', 'presence', 'typing', 'restarted'] as const) client.on(name, changed);
    client.on('caughtUp', () => void this.#load());
    client.on('sent', ({ draft, result }) => this.listener?.sent?.(draft.threadId, draft, result.sequence));
    client.on('sendFailed', ({ draft, error }) => {
      this.failed.set(draft.threadId, [...(this.failed.get(draft.threadId) ?? []), { draft, error }]);
      this.listener?.notice(`not sent: ${describe(error)}`);
      changed();
    });
  }

  /** The open thread. */
  get openId(): string | undefined {
    return this.#open?.threadId;
  }

  get open(): Readonly<OpenState> | undefined {
    return this.#open;
  }

  /** How long the connection has been as it is. */
  get connectionForMs(): number {
    return performance.now() - this.#connectionMs;
  }

  /** Opens a thread: its newest messages, receipts and typing; it counts as read. */
  async openThread(threadId: string): Promise<void> {
    if (this.#open?.threadId === threadId) return;
    const { client } = this;
    if (this.#open !== undefined) client.unsubscribe(this.#open.threadId);
    const head = client.head(threadId) ?? this.rows.get(threadId)?.thread.head;
    const open = {
      threadId,
      readUpTo: head?.readSequence ?? 0n,
      hadNews: (head?.unreadCount ?? 0n) > 0n || client.unread(threadId) > 0,
      hasBeginning: false,
      isReading: false,
    };
    this.#open = open;
    this.listener?.changed();
    await Promise.all([
      client.subscribe(threadId),
      this.#readOlder(open, pageMessages),
      this.rows.get(threadId) === undefined ? this.rows.refresh(threadId) : undefined,
    ]);
    await client.readReceipts(threadId);
    this.listener?.changed();
    this.markRead();
  }

  closeThread(): void {
    if (this.#open !== undefined) this.client.unsubscribe(this.#open.threadId);
    this.#open = undefined;
    this.listener?.changed();
  }

  /** Sees to it that older messages of the open thread are there: so many before a line. Answers those there are. */
  async back(before: bigint, count: number): Promise<Message[]> {
    const open = this.#open;
    if (open === undefined) return [];
    const older = (): Message[] =>
      this.client
        .items(open.threadId)
        .flatMap((item) => (item.kind === 'message' && item.sequence < before ? [item.message] : []))
        .slice(-count);
    for (let have = older().length; have < count && !open.hasBeginning; have = older().length) {
      if ((await this.#readOlder(open, count - have)) === 0) break;
    }
    return older();
  }

  /** The user sees the end of the open thread. */
  markRead(): void {
    const threadId = this.#open?.threadId;
    if (threadId === undefined) return;
    const newest = this.client.items(threadId).at(-1)?.sequence ?? 0n;
    const held = this.client.held(threadId);
    const upTo = newest > held ? newest : held;
    if (upTo > 0n) this.client.markRead(threadId, upTo);
  }

  /** The sequence of the open thread's newest line. */
  newest(): bigint {
    return this.#open === undefined ? 0n : (this.client.items(this.#open.threadId).at(-1)?.sequence ?? 0n);
  }

  /** The last message of the open thread that is the user’s own, or somebody else’s. */
  lastMessage(mine: boolean): Message | undefined {
    const items = this.#open === undefined ? [] : this.client.items(this.#open.threadId);
    for (const item of items.toReversed()) {
      if (item.kind !== 'message' || item.message.deleteSequence > 0n) continue;
      if ((item.message.senderId === this.client.userId) === mine) return item.message;
    }
    return undefined;
  }

  async #readOlder(open: OpenState, count: number): Promise<number> {
    if (open.isReading || open.hasBeginning) return 0;
    open.isReading = true;
    let came = 0;
    try {
      while (came < count && !open.hasBeginning) {
        const before = this.client.items(open.threadId).find((item) => item.kind === 'message')?.sequence;
        const pageSize = Math.min(mostPerCall, count - came);
        const page = await this.client.readHistory(open.threadId, {
          pageSize,
          ...(before === undefined ? {} : { before }),
        });
        came += page.count;
        if (page.olderPageToken === '') open.hasBeginning = true;
      }
    } finally {
      open.isReading = false;
    }
    this.listener?.changed();
    return came;
  }

  async #load(): Promise<void> {
    try {
      await this.rows.load();
      await this.#watch();
    } catch (error) {
      this.listener?.notice(`the list of threads could not be read: ${describe(error)}`);
    }
  }

  #heard(threadId: string, entry: Entry): void {
    this.rows.touch(threadId, msOf(entry.createTime) ?? 0);
    const { kind } = entry;
    if (kind?.$case === 'memberRemoved' || kind?.$case === 'memberAdded' || kind?.$case === 'groupChanged') {
      void this.rows.refresh(threadId);
    }
    // Once both have written in a direct thread, each may see whether the other is there.
    const peer = this.rows.get(threadId)?.thread.peerId;
    if (peer !== undefined && this.client.presence(peer)?.state === hidden) this.#watched = '';
    void this.#watch();
    if (peer !== undefined && entry.senderId === peer && threadId === this.openId) this.#lookAtReceipts(threadId);
    this.listener?.heard?.(threadId, entry);
    this.listener?.changed();
  }

  /**
   * Receipts are told to people who have both written. The first answer opens them, and what was read just before it is not
   * told again: it is asked for, once the node has noticed.
   */
  #lookAtReceipts(threadId: string): void {
    const mine = this.lastMessage(true);
    if (mine === undefined || this.client.ticks(threadId, mine.sequence).state === 'read') return;
    this.#receipts ??= setTimeout(() => {
      this.#receipts = undefined;
      if (this.openId === threadId) this.client.readReceipts(threadId).catch(() => undefined);
    }, receiptsMs);
    this.#receipts.unref();
  }

  /** Asks for the presence of those in the list, once for all that is heard while an answer is on its way. */
  async #watch(): Promise<void> {
    this.#isToWatch = true;
    if (this.#isWatching) return;
    this.#isWatching = true;
    while (this.#isToWatch) {
      this.#isToWatch = false;
      const peers = this.rows.peers().slice(0, mostWatched);
      const wanted = peers.toSorted().join('\n');
      if (wanted === this.#watched) break;
      this.#watched = wanted;
      await this.client.watchPresence(peers).catch(() => {
        this.#watched = '';
      });
    }
    this.#isWatching = false;
  }
}

/** An error in words. */
export function describe(error: unknown): string {
  if (!(error instanceof ParleyError)) return error instanceof Error ? error.message : String(error);
  const fields = error.fields.map(({ field, description }) => `${field} ${description}`).join('; ');
  return [error.message, fields].filter((part) => part !== '').join(': ') || error.reason;
}
