import type { Entry } from '#proto/parley/v1/entry.ts';
import type { Message, ThreadHead } from '#proto/parley/v1/thread.ts';
import type { Draft } from '../../core/draft.ts';
import { ParleyError } from '../../core/errors.ts';
import type { Parley } from '../../web/parley.ts';
import { threadView } from '../../web/thread.ts';
import type { ThreadSnapshot, ThreadView } from '../../web/thread.ts';
import type { View } from '../../web/view.ts';
import { wireTime } from '../../core/times.ts';
import { Cell } from './cell.ts';

/** One line of a conversation. `key` stays with it: from a draft to the message that it becomes. */
export type Row =
  | { readonly kind: 'message'; readonly key: string; readonly message: Message }
  /** A message that is there and was not read yet. */
  | { readonly kind: 'gap'; readonly key: string; readonly ordinal: number }
  | { readonly kind: 'change'; readonly key: string; readonly entry: Entry }
  | { readonly kind: 'unknown'; readonly key: string }
  /** Without a place in the thread; with an error, it was refused for good. */
  | { readonly kind: 'draft'; readonly key: string; readonly draft: Draft; readonly error: ParleyError | undefined };

const pageMessages = 100;
/** Older messages in memory; the farthest from what is on screen go first. */
const mostOlder = 1_200;

export interface Lines {
  readonly thread: ThreadSnapshot;
  /** Rows of the whole thread, read or not. */
  readonly count: number;
  /** Of those, older ones than what the SDK holds: there only as messages, by number. */
  readonly older: number;
  /** Why older messages could not be read; they are asked for again with the next connection. */
  readonly error: ParleyError | undefined;
  /** Grows when the list is to begin anew, at `firstUnread` or the end. */
  readonly beginning: number;
  /** Where the thread stands was told by the server, or the reader went to its end: what is at the end and seen is read. */
  readonly isTold: boolean;
}

/**
 * A thread as a list of rows of which any may be asked for, however long it is. The newest lines are the SDK's own, kept up to
 * date by it. What is older is read a page at a time, where somebody looks, and forgotten again.
 */
export class Conversation implements View<Lines> {
  readonly threadId: string;
  readonly view: ThreadView;
  readonly #parley: Parley;
  readonly #older = new Map<number, Message>();
  /** Numbers that were asked for and are not there. */
  readonly #absent = new Set<number>();
  /** What is answered by what was read, and was not read itself; undefined = asked for. */
  readonly #answered = new Map<bigint, Message | undefined>();
  readonly #lines: Cell<Lines>;
  #tail: Row[] = [];
  /** Number of the first message that the user may see, and of the first one in the tail. */
  #first = 1;
  #tailFrom = 1;
  #wanted: readonly [number, number] = [0, 0];
  #isReading = false;
  #firstUnread: number | undefined;
  /** It is known where the list begins, with the thread's newest number at that time. */
  #isOpened = false;
  #openedAt = 0;

  constructor(parley: Parley, threadId: string) {
    this.threadId = threadId;
    this.#parley = parley;
    this.view = threadView(parley, threadId);
    this.#lines = new Cell<Lines>({
      thread: this.view.get(),
      count: 0,
      older: 0,
      error: undefined,
      beginning: 0,
      isTold: false,
    });
  }

  /** Number of the first message that was unread when it was opened; undefined = none was. */
  get firstUnread(): number | undefined {
    return this.#firstUnread;
  }

  /** It comes on screen: the list begins at what is unread now. */
  open(): void {
    this.#isOpened = false;
    this.#firstUnread = undefined;
    this.#lines.change({ isTold: false, count: 0 });
    this.#renew();
  }

  /** The reader goes to its end by himself: what was unread needs no mark any more. */
  leaveUnread(): void {
    this.#firstUnread = undefined;
    this.#lines.change({ isTold: true });
  }

  get(): Lines {
    return this.#lines.get();
  }

  subscribe(changed: () => void): () => void {
    const { client } = this.#parley;
    const ends = [
      this.#lines.subscribe(changed),
      this.view.subscribe(() => this.#renew()),
      client.on('entry', ({ threadId, entry }) => {
        if (threadId === this.threadId) this.#refresh(targetOf(entry));
      }),
      client.on('restarted', ({ threadId }) => {
        if (threadId === this.threadId) this.#forget();
      }),
      client.on('connection', ({ phase }) => {
        if (phase !== 'live') return;
        this.#renew();
        if (this.get().error !== undefined) void this.#read();
      }),
    ];
    this.#renew();
    return () => {
      for (const end of ends) end();
    };
  }

  /** Number of the message in the first row. */
  get firstOrdinal(): number {
    return this.#first;
  }

  /** Sequence of the newest line that is held; 0 = none. */
  newest(): bigint {
    const held = this.#parley.client.held(this.threadId);
    const last = this.get().thread.items.at(-1)?.sequence ?? 0n;
    return last > held ? last : held;
  }

  row(index: number): Row | undefined {
    const { older } = this.get();
    if (index >= older) return this.#tail[index - older];
    if (index < 0) return undefined;
    const ordinal = this.#first + index;
    const message = this.#older.get(ordinal);
    return message === undefined ? { kind: 'gap', key: `o${ordinal}`, ordinal } : rowOf(message);
  }

  /** Says which rows are on screen: what of them was not read is read, the middle first. */
  want(from: number, to: number): void {
    this.#wanted = [this.#first + from, this.#first + Math.min(to, this.get().older)];
    if (!this.#isReading && this.#missing() !== undefined) void this.#read();
  }

  /** The row of a message by its number; the nearest one. */
  indexOf(ordinal: number): number {
    const { older, count } = this.get();
    if (ordinal < this.#tailFrom) return Math.max(0, ordinal - this.#first);
    const at = this.#tail.findIndex((row) => row.kind === 'message' && Number(row.message.ordinal) >= ordinal);
    return at < 0 ? count - 1 : older + at;
  }

  /** A message that was read, by its sequence. */
  find(sequence: bigint): Message | undefined {
    const row = this.#tail.find((it) => it.kind === 'message' && it.message.sequence === sequence);
    if (row?.kind === 'message') return row.message;
    return [...this.#older.values()].find((message) => message.sequence === sequence);
  }

  /** A message that another one answers, as far as it is known. */
  answered(sequence: bigint): Message | undefined {
    return this.find(sequence) ?? this.#answered.get(sequence);
  }

  /** Says that what answers a message is on screen. */
  wantAnswered(sequence: bigint): void {
    if (this.#answered.has(sequence) || this.find(sequence) !== undefined) return;
    this.#answered.set(sequence, undefined);
    this.#readAnswered(sequence);
  }

  #readAnswered(sequence: bigint): void {
    this.#parley.client.history.message(this.threadId, sequence).then(
      (message) => {
        this.#answered.set(sequence, message);
        this.#lines.change({ count: this.get().count });
      },
      // Asked for again by the next one who shows it.
      () => this.#answered.delete(sequence),
    );
  }

  /** Number of a message by its sequence; undefined when it is not there. Rejects when it cannot be asked for. */
  async ordinalOf(sequence: bigint): Promise<number | undefined> {
    const here = this.find(sequence);
    if (here !== undefined) return Number(here.ordinal);
    const messages = await this.#page({ $case: 'aroundSequence', value: sequence });
    const found = messages.find((message) => message.sequence >= sequence);
    return found === undefined ? undefined : Number(found.ordinal);
  }

  /** Number of the first message at or after a time; of the last one when there is none. */
  async ordinalAt(ms: number): Promise<number | undefined> {
    const messages = await this.#page({ $case: 'aroundTime', value: wireTime(ms) });
    const seconds = BigInt(Math.floor(ms / 1000));
    const found = messages.find(({ createTime }) => (createTime?.seconds ?? 0n) >= seconds) ?? messages.at(-1);
    return found === undefined ? undefined : Number(found.ordinal);
  }

  #renew(): void {
    const thread = this.view.get();
    const { items, drafts, failed } = thread;
    const head = this.#parley.client.head(this.threadId) ?? thread.thread?.head;
    if (head !== undefined) this.#open(head);
    const firstHeld = items.find((item) => item.kind === 'message');
    const last = Number(head?.ordinal ?? 0n);
    this.#tailFrom = firstHeld?.kind === 'message' ? Number(firstHeld.message.ordinal) : last + 1;
    if (!thread.hasOlder) this.#first = this.#tailFrom;
    // The newest lines may come before it is told where the thread stands: shown then, they would be at the end, and read.
    const shown = this.#isOpened ? items : [];
    this.#tail = [
      ...shown.map((item): Row => {
        if (item.kind === 'message') return rowOf(item.message);
        const key = `s${item.sequence}`;
        return item.kind === 'change' ? { kind: 'change', key, entry: item.entry } : { kind: 'unknown', key };
      }),
      ...failed.map(({ draft, error }): Row => ({ kind: 'draft', key: draft.clientMessageId, draft, error })),
      ...drafts.map((draft): Row => ({ kind: 'draft', key: draft.clientMessageId, draft, error: undefined })),
    ];
    // Before anything was read there is nothing to scroll through.
    const older = shown.length === 0 ? 0 : Math.max(0, this.#tailFrom - this.#first);
    // Drafts alone would be the end, with all that is unread still to come before them.
    const isAwaited = shown.length === 0 && this.#firstUnread !== undefined && thread.error === undefined;
    this.#lines.change({ thread, older, count: isAwaited ? 0 : older + this.#tail.length });
  }

  /** What is kept may be of yesterday: once the connection is live it is looked at again, and the list begins anew if more came that is unread. */
  #open(head: ThreadHead): void {
    const { beginning, isTold, count } = this.get();
    const { client } = this.#parley;
    const isLive = client.connection.phase === 'live';
    if (this.#isOpened && (isTold || !isLive)) return;
    if (!isTold) {
      const [{ ordinal, unreadCount } = head] = client.heads([this.threadId]);
      const [last, unread] = [Number(ordinal), Number(unreadCount)];
      this.#firstUnread = unread > 0 ? last - unread + 1 : undefined;
      const isAnew = count > 0 && unread > 0 && (!this.#isOpened || last !== this.#openedAt);
      this.#openedAt = last;
      this.#lines.change({ isTold: isLive, beginning: isAnew ? beginning + 1 : beginning });
    }
    if (this.#isOpened) return;
    this.#isOpened = true;
    // Messages from before the user came are not theirs to see: numbers do not begin with 1.
    if (head.visibleFromSequence > 1n && this.#first === 1) {
      const anchor = { $case: 'afterSequence', value: head.visibleFromSequence - 1n } as const;
      client.history.messages(this.threadId, { pageSize: 1, anchor }).then(
        ({ messages: [message] }) => {
          if (message !== undefined) this.#begin(Number(message.ordinal));
        },
        () => {},
      );
    }
  }

  #begin(ordinal: number): void {
    if (ordinal <= this.#first) return;
    this.#first = ordinal;
    this.#renew();
  }

  /** The middle of what is wanted and not there. */
  #missing(): number | undefined {
    const [from, to] = this.#wanted;
    const missing: number[] = [];
    for (let at = from; at < to; at++) if (!this.#older.has(at) && !this.#absent.has(at)) missing.push(at);
    return missing[Math.floor(missing.length / 2)];
  }

  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      for (let ordinal = this.#missing(); ordinal !== undefined; ordinal = this.#missing()) {
        await this.#page({ $case: 'aroundOrdinal', value: BigInt(ordinal) });
        if (!this.#older.has(ordinal)) this.#absent.add(ordinal);
      }
      this.#lines.change({ error: undefined });
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error;
      this.#lines.change({ error });
    } finally {
      this.#isReading = false;
    }
  }

  async #page(
    anchor: NonNullable<Parameters<Parley['client']['history']['messages']>[1]>['anchor'],
  ): Promise<Message[]> {
    const { history } = this.#parley.client;
    const { messages, olderPageToken } = await history.messages(this.threadId, { pageSize: pageMessages, anchor });
    for (const message of messages) this.#older.set(Number(message.ordinal), message);
    this.#trim();
    const [first] = messages;
    if (olderPageToken === '' && first !== undefined) this.#begin(Number(first.ordinal));
    this.#lines.change({ count: this.get().count });
    return messages;
  }

  #trim(): void {
    if (this.#older.size <= mostOlder) return;
    const middle = (this.#wanted[0] + this.#wanted[1]) / 2;
    const far = [...this.#older.keys()].toSorted((a, b) => Math.abs(b - middle) - Math.abs(a - middle));
    for (const ordinal of far.slice(0, this.#older.size - mostOlder)) this.#older.delete(ordinal);
  }

  /** A message that is held here was edited, deleted or reacted to. */
  #refresh(sequence: bigint | undefined): void {
    if (sequence === undefined) return;
    if (this.#answered.has(sequence)) this.#readAnswered(sequence);
    for (const [ordinal, message] of this.#older) {
      if (message.sequence !== sequence) continue;
      this.#parley.client.history.message(this.threadId, sequence).then(
        (fresh) => {
          if (this.#older.has(ordinal)) this.#older.set(ordinal, fresh);
          this.#lines.change({ count: this.get().count });
        },
        // Read again when somebody looks at it.
        () => this.#older.delete(ordinal),
      );
    }
  }

  #forget(): void {
    this.#older.clear();
    this.#absent.clear();
    this.#answered.clear();
    this.#first = 1;
    this.#renew();
  }
}

function rowOf(message: Message): Row {
  return { kind: 'message', key: message.clientMessageId || `s${message.sequence}`, message };
}

function targetOf({ kind }: Entry): bigint | undefined {
  return kind !== undefined && 'targetSequence' in kind.value ? kind.value.targetSequence : undefined;
}
