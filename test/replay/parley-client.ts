/** The client that applications use, as the replay drives it: clients/core over clients/node, each on its own connection. */
import type { Entry } from '#proto/parley/v1/entry.ts';
import { ParleyClient } from '../../clients/core/client.ts';
import * as Code from '../../clients/core/codes.ts';
import { ParleyError } from '../../clients/core/errors.ts';
import type { Path, RequestOf, ResponseOf } from '../../clients/core/methods.ts';
import { NodeCarrier } from '../../clients/node/carrier.ts';
import { type Body, textOf } from './body.ts';
import type { Break, HeardMessage, MakeClient, ReplayClient, ToldPosition } from './client.ts';
import type { Client } from './history.ts';
import { Relay } from './relay.ts';
import type { TokenSource } from './token-source.ts';

export interface ParleyClientsOptions {
  /** HOST:PORT. */
  gateway: string;
  token: TokenSource;
  /** Puts a line of its own between each client and the gateway, so that it can be broken. */
  breakable: boolean;
}

export function parleyClients({ gateway, token, breakable }: ParleyClientsOptions): MakeClient {
  const colon = gateway.lastIndexOf(':');
  const target = { host: gateway.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(gateway.slice(colon + 1)) };
  return async (client, heard) => {
    const relay = breakable ? await Relay.start(target) : undefined;
    const parley = new ParleyClient({
      carrier: new NodeCarrier({ target: relay?.address ?? gateway }),
      getToken: () => token(client.user),
      deviceId: client.device,
      keepItems: 0,
    });
    return new RealClient(client, parley, relay, heard);
  };
}

/** A frozen line is cut after this time. */
const frozenMs = 300;
/** A change of members is asked for again until it is answered, for so long. */
const changeWithinMs = 60_000;

class RealClient implements ReplayClient {
  readonly client: Client;
  readonly #parley: ParleyClient;
  readonly #relay: Relay | undefined;
  #thaw: NodeJS.Timeout | undefined;

  constructor(client: Client, parley: ParleyClient, relay: Relay | undefined, heard: (message: HeardMessage) => void) {
    this.client = client;
    this.#parley = parley;
    this.#relay = relay;
    parley.on('entry', ({ threadId, entry }) => {
      const body = bodyOfEntry(entry);
      if (body) heard({ thread: threadId, sequence: Number(entry.sequence), sender: entry.senderId, body });
      parley.markRead(threadId, entry.sequence);
    });
  }

  async open(): Promise<void> {
    await this.#parley.start();
    await this.#parley.ready();
  }

  async createGroup(name: string, members: string[]): Promise<{ thread: string; sequence: number }> {
    const request = { requestId: crypto.randomUUID(), name, memberIds: members, historyForNewMembers: false };
    const { thread } = await this.#insist('/parley.v1.GroupService/CreateGroup', request);
    // The first members are in the thread's first entry.
    return { thread: thread?.threadId ?? '', sequence: 1 };
  }

  async addMember(thread: string, user: string): Promise<number> {
    const request = { threadId: thread, requestId: crypto.randomUUID(), userIds: [user] };
    return Number((await this.#insist('/parley.v1.GroupService/AddMembers', request)).sequence);
  }

  async leave(thread: string): Promise<number> {
    const request = { threadId: thread, requestId: crypto.randomUUID() };
    return Number((await this.#insist('/parley.v1.GroupService/LeaveGroup', request)).sequence);
  }

  async send(thread: string, body: Body): Promise<number> {
    const { contentType, bytes } = body;
    const said = contentType === '' ? { text: textOf(body) } : { opaque: bytes, contentType };
    return Number((await this.#parley.send(thread, said)).sequence);
  }

  async positions(thread: string): Promise<ToldPosition[]> {
    const positions: ToldPosition[] = [];
    for (let pageToken = ''; ;) {
      const request = { threadId: thread, pageSize: 500, pageToken };
      const page = await this.#insist('/parley.v1.ReceiptService/ListReceipts', request);
      for (const { userId, deliveredSequence, readSequence } of page.receipts) {
        positions.push({ user: userId, delivered: Number(deliveredSequence), read: Number(readSequence) });
      }
      pageToken = page.nextPageToken;
      if (pageToken === '') return positions;
    }
  }

  break(how: Break): void {
    const relay = this.#relay;
    if (how === 'close') this.#parley.reconnect();
    else if (how !== 'freeze') relay?.cut(how);
    else {
      relay?.freeze();
      this.#thaw ??= setTimeout(() => {
        this.#thaw = undefined;
        relay?.cut('reset');
      }, frozenMs);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#thaw);
    this.#relay?.thaw();
    await this.#parley.close();
    await this.#relay?.[Symbol.asyncDispose]();
  }

  /** Calls through breaks: the same request, with the same id, until it is answered. */
  async #insist<P extends Path>(path: P, request: RequestOf<P>): Promise<ResponseOf<P>> {
    const endMs = performance.now() + changeWithinMs;
    for (;;) {
      try {
        return await this.#parley.call(path, request);
      } catch (error) {
        const unanswered: number[] = [Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED];
        if (!(error instanceof ParleyError) || !unanswered.includes(error.code)) throw error;
        if (performance.now() > endMs) throw error;
      }
    }
  }
}

function bodyOfEntry(entry: Entry): Body | undefined {
  if (entry.kind?.$case !== 'message') return undefined;
  const { content } = entry.kind.value;
  const body = content?.body;
  if (body?.$case === 'opaque') return { contentType: content?.contentType ?? '', bytes: Buffer.from(body.value) };
  return { contentType: '', bytes: Buffer.from(body?.value ?? '') };
}
