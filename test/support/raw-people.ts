// Users for tests over a real platform: each with a token and a connection of their own, under a name that no other
// test of the file has.
import { randomBytes } from 'node:crypto';
import type { Platform } from '../../platform/platform.ts';
import { GroupServiceService } from '#proto/parley/v1/group_service.ts';
import { MessageServiceService, SendMessageRequest } from '#proto/parley/v1/message_service.ts';
import { ThreadServiceService } from '#proto/parley/v1/thread_service.ts';
import { RawClient } from './raw-client.ts';
import type { RawStream } from './raw-stream.ts';

export type Person = { id: string; token: string; client: RawClient };

export class People implements Disposable {
  readonly #platform: Platform;
  readonly #target: string;
  readonly #clients: RawClient[] = [];

  /** `target`: where their clients connect; default the gateway. */
  constructor(platform: Platform, target: string = platform.gateway) {
    this.#platform = platform;
    this.#target = target;
  }

  /** A new user. */
  async person(label: string): Promise<Person> {
    return this.again(`${label}-${randomBytes(4).toString('hex')}`);
  }

  /** Another connection of a user. */
  async again(id: string): Promise<Person> {
    const token = await this.#platform.token(id);
    return { id, token, client: this.stranger(token) };
  }

  /** A connection with any token, or none. */
  stranger(token?: string): RawClient {
    const client = new RawClient(this.#target, token);
    this.#clients.push(client);
    return client;
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client[Symbol.dispose]();
  }
}

/** The id of the direct thread of two. */
export async function directThread(one: Person, other: Person): Promise<string> {
  const { thread } = await one.client.ask(ThreadServiceService.openDirectThread, { userId: other.id });
  return idOf(thread);
}

/** The id of a new group with `owner` and the others as plain members. */
export async function groupOf(owner: Person, ...others: Person[]): Promise<string> {
  const { thread } = await owner.client.ask(GroupServiceService.createGroup, {
    requestId: clientId(),
    name: 'a group',
    memberIds: others.map(({ id }) => id),
    historyForNewMembers: false,
  });
  return idOf(thread);
}

function idOf(thread: { threadId: string } | undefined): string {
  if (thread === undefined) throw new Error('the answer has no thread');
  return thread.threadId;
}

/** A client_message_id or request_id that nobody used. */
export function clientId(): string {
  return randomBytes(9).toString('base64url');
}

/** Sends text without a session; gives its sequence. */
export async function post(from: Person, threadId: string, text: string): Promise<bigint> {
  const { sequence } = await from.client.ask(
    MessageServiceService.sendMessage,
    SendMessageRequest.create({ threadId, clientMessageId: clientId(), content: textContent(text) }),
  );
  return sequence;
}

/** Sends text on a stream; gives its sequence. @throws when it is refused */
export async function sendOn(stream: RawStream, threadId: string, text: string): Promise<bigint> {
  const { reply, error } = await stream.request('send', {
    threadId,
    clientMessageId: clientId(),
    content: textContent(text),
  });
  if (reply.result?.$case !== 'send') throw new Error(`not sent: ${error?.reason} ${error?.message}`);
  return reply.result.value.sequence;
}

export function textContent(text: string): { body: { $case: 'text'; value: string } } {
  return { body: { $case: 'text', value: text } };
}
