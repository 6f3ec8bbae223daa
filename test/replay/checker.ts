/**
 * Judges a history (history.ts) against what was to be said (expected.ts). It knows nothing of the store or the server.
 *
 * For every client, in every thread, each message that its user was a member for is heard
 * - at all (else lost; a message that nobody heard or whose author got no answer is lost once),
 * - once (else duplicated; so is a message that stands in the log twice, or is heard by who was no member then),
 * - in the one order that the sequences give, which keeps each author's order and the barriers (else reordered),
 * - with sender, content type and bytes as expected (else altered; so is what nobody was to say),
 * and authors who are members at the end were told that everyone there has and has read the last message (else lost).
 */
import type { ExpectedMessage, ExpectedThread } from './expected.ts';
import { clientKey, sameContent, ThreadHearings } from './heard.ts';
import type { Client, HistoryRecord } from './history.ts';
import { checkPositions, Positions } from './positions.ts';
import { type Placing, placeMessages } from './placing.ts';
import { type Counter, Tally } from './tally.ts';
import { membershipWindows, type Window } from './windows.ts';

export interface Verdict extends Record<Counter, number> {
  /** How often a client heard someone else's message of its membership, each once. */
  deliveries: number;
  /** What went wrong, in words; at most some per counter. */
  findings: string[];
}

interface Told {
  label?: string;
  createdAt: number;
  sent: Map<string, number[]>;
  changes: Map<string, number>;
  heard: ThreadHearings;
  positions: Positions;
}

export interface CheckerOptions {
  /** What these users hear is checked as everyone's, but is not in `deliveries`. */
  uncounted?: Iterable<string>;
  /** The platform has other threads too; what is heard of them is no matter. Default: it is `altered`. */
  otherThreads?: boolean;
}

export class Checker {
  readonly #expected: ExpectedThread[];
  readonly #uncounted: ReadonlySet<string>;
  readonly #otherThreads: boolean;
  readonly #clients = new Map<string, Client>();
  readonly #threads = new Map<string, Told>();

  constructor(expected: ExpectedThread[], options: CheckerOptions = {}) {
    this.#expected = expected;
    this.#uncounted = new Set(options.uncounted ?? []);
    this.#otherThreads = options.otherThreads ?? false;
  }

  add(record: HistoryRecord): void {
    this.#clients.set(clientKey(record.client), record.client);
    if (record.kind === 'opened') return;
    const told = this.#told(record.thread);
    switch (record.kind) {
      case 'created':
        told.label = record.label;
        told.createdAt = record.sequence;
        break;
      case 'sent': {
        const known = told.sent.get(record.ref) ?? [];
        if (!known.includes(record.sequence)) told.sent.set(record.ref, [...known, record.sequence]);
        break;
      }
      case 'joined':
      case 'left':
        told.changes.set(record.ref, record.sequence);
        break;
      case 'heard':
        told.heard.add(record.client, record.sequence, record);
        break;
      case 'position':
        told.positions.add(record.client.user, record);
        break;
    }
  }

  /** Call it when the history is complete: what is not in it by then has not happened. */
  finish(): Verdict {
    const tally = new Tally();
    let deliveries = 0;
    const byLabel = new Map([...this.#threads.values()].map((told) => [told.label, told]));
    for (const expected of this.#expected) {
      const told = byLabel.get(expected.label);
      if (told) deliveries += this.#checkThread(expected, told, tally);
      else tally.count('lost', () => `${expected.label}: its thread was never created`);
    }
    const labels = new Set<string | undefined>(this.#expected.map((expected) => expected.label));
    for (const [thread, told] of this.#threads) {
      if (!this.#otherThreads && !labels.has(told.label))
        tally.count('altered', () => `records of a thread that nobody created: ${thread}`);
    }
    return { ...tally.counts, deliveries, findings: tally.findings() };
  }

  #told(thread: string): Told {
    let told = this.#threads.get(thread);
    if (!told) {
      told = {
        createdAt: 0,
        sent: new Map(),
        changes: new Map(),
        heard: new ThreadHearings(),
        positions: new Positions(),
      };
      this.#threads.set(thread, told);
    }
    return told;
  }

  #checkThread(expected: ExpectedThread, told: Told, tally: Tally): number {
    const messages = expected.steps.filter((step) => step.kind === 'message');
    const placing = placeMessages(expected.label, messages, told.sent, told.heard, tally);
    const windows = membershipWindows(expected, told.createdAt, told.changes, placing.sequenceOf, tally);
    checkAuthorsOrder(expected.label, messages, placing, tally);
    let deliveries = 0;
    for (const client of this.#listeners(windows, told.heard)) {
      const heard = checkClient(expected.label, client, told.heard, windows.get(client.user) ?? [], placing, tally);
      if (!this.#uncounted.has(client.user)) deliveries += heard;
    }
    if (expected.receipts) checkPositions(expected.label, told.positions, windows, placing.sequenceOf, tally);
    return deliveries;
  }

  /** Every client that was or should have been listening; a member without any client stands for one that heard nothing. */
  #listeners(windows: ReadonlyMap<string, Window[]>, heard: ThreadHearings): Client[] {
    const opened = [...this.#clients.values()].filter((client) => windows.has(client.user));
    const users = new Set(opened.map((client) => client.user));
    const absent = [...windows.keys()].filter((user) => !users.has(user)).map((user) => ({ user, device: '(none)' }));
    const strangers = heard.clients().filter((client) => !windows.has(client.user));
    return [...opened, ...absent, ...strangers];
  }
}

function checkAuthorsOrder(label: string, messages: ExpectedMessage[], placing: Placing, tally: Tally): void {
  const latest = new Map<string, ExpectedMessage>();
  for (const message of messages) {
    const sequence = placing.sequenceOf.get(message);
    if (sequence === undefined) continue;
    const before = latest.get(message.user);
    if (before && (placing.sequenceOf.get(before) ?? 0) > sequence) {
      tally.count(
        'reordered',
        () => `${label} line ${message.ref} stands before line ${before.ref}, both by ${message.user}`,
      );
    }
    latest.set(message.user, message);
  }
}

/** Returns how many messages of others the client heard as it should. */
function checkClient(
  label: string,
  client: Client,
  thread: ThreadHearings,
  windows: Window[],
  placing: Placing,
  tally: Tally,
): number {
  const who = `${client.user} (${client.device}) in ${label}`;
  const heard = new Set<number>();
  let highest = -1;
  let deliveries = 0;
  for (const { sequence, content } of thread.of(client)) {
    const message = placing.messageAt.get(sequence);
    if (heard.has(sequence)) {
      tally.count('duplicated', () => `${who} heard ${sequence} again`);
      continue;
    }
    heard.add(sequence);
    if (sequence < highest) tally.count('reordered', () => `${who} heard ${sequence} after ${highest}`);
    highest = Math.max(highest, sequence);
    if (placing.copies.has(sequence)) {
      tally.count('duplicated', () => `${who} heard at ${sequence} what stands elsewhere already`);
    } else if (!message) {
      tally.count('altered', () => `${who} heard at ${sequence} what ${content.sender} was not to say`);
    } else if (!windows.some((window) => window.after < sequence && sequence < window.before)) {
      tally.count('duplicated', () => `${who} heard ${sequence}, line ${message.ref}, without being a member then`);
    } else if (!sameContent(content, { ...message, sender: message.user })) {
      tally.count(
        'altered',
        () => `${who} heard ${sequence}, line ${message.ref}, not as ${message.user} was to say it`,
      );
    } else if (message.user !== client.user) {
      deliveries += 1;
    }
  }
  for (const [sequence, message] of placing.messageAt) {
    if (heard.has(sequence)) continue;
    if (!windows.some((window) => window.after < sequence && sequence < window.before)) continue;
    tally.count('lost', () => `${who} never heard ${sequence}, line ${message.ref} of ${message.user}`);
  }
  return deliveries;
}
