import type { Client } from './history.ts';

export interface Content {
  sender: string;
  contentType: string;
  bytes: Uint8Array;
}

export const sameContent = (a: Content, b: Content): boolean =>
  a.sender === b.sender && a.contentType === b.contentType && Buffer.compare(a.bytes, b.bytes) === 0;

/** One message as one client heard it: its sequence and an index into the contents heard there. */
export interface Hearing {
  sequence: number;
  content: Content;
}

/**
 * All that was heard in one thread. A content is held once per sequence, however many clients heard it: a replay of the
 * ten logs has millions of hearings of some ten thousand messages.
 */
export class ThreadHearings {
  readonly #contents = new Map<number, Content[]>();
  readonly #clients = new Map<string, { client: Client; hearings: Hearing[] }>();

  add(client: Client, sequence: number, heard: Content): void {
    let contents = this.#contents.get(sequence);
    if (!contents) this.#contents.set(sequence, (contents = []));
    let content = contents.find((known) => sameContent(known, heard));
    if (!content) {
      content = { sender: heard.sender, contentType: heard.contentType, bytes: Buffer.from(heard.bytes) };
      contents.push(content);
    }
    const key = clientKey(client);
    let own = this.#clients.get(key);
    if (!own) this.#clients.set(key, (own = { client, hearings: [] }));
    own.hearings.push({ sequence, content });
  }

  /** What was heard at each sequence, in order; if clients heard different things there, what the first one did. */
  contents(): [sequence: number, content: Content][] {
    return [...this.#contents]
      .map(([sequence, [content]]): [number, Content] => [sequence, content as Content])
      .sort(([a], [b]) => a - b);
  }

  /** What the client heard, in the order in which it did. */
  of(client: Client): Hearing[] {
    return this.#clients.get(clientKey(client))?.hearings ?? [];
  }

  clients(): Client[] {
    return [...this.#clients.values()].map((own) => own.client);
  }
}

/** Ids hold no control characters. */
export const clientKey = (client: Client): string => `${client.user}\n${client.device}`;
