// The unary calls as an application makes them: defaults filled in, ids made, answers unwrapped. Each rejects with a
// ParleyError; the reasons are in the protos' comments and in proto/README.md. Here are those that a page begins with; the others
// are in calls-more.ts.
import type { Thread } from '#proto/parley/v1/thread.ts';
import type { ListThreadsResponse } from '#proto/parley/v1/thread_service.ts';
import type { Caller, CallLimits } from './caller.ts';
import * as Code from './codes.ts';
import { localError } from './errors.ts';

/** A page to read: how much, and from where an earlier answer ended. */
export interface Page {
  /** 0 or undefined = the server's default. */
  readonly pageSize?: number;
  readonly pageToken?: string;
}

/** The proto says "set by the server" for messages that an answer always has. */
export function there<T>(value: T | undefined): T {
  if (value === undefined) throw localError('NO_REASON', 'the answer lacks what it is for', Code.INTERNAL);
  return value;
}

export class ThreadCalls {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** The direct thread with a user, made if there is none. NOT_ACCEPTED when they do not take it. */
  async open(userId: string, limits?: CallLimits): Promise<Thread> {
    const response = await this.#caller.call('/parley.v1.ThreadService/OpenDirectThread', { userId }, limits);
    return there(response.thread);
  }

  async get(threadId: string, limits?: CallLimits): Promise<Thread> {
    const response = await this.#caller.call('/parley.v1.ThreadService/GetThread', { threadId }, limits);
    return there(response.thread);
  }

  /** Pinned ones first, then by activity. */
  list(page: Page & { archived?: boolean } = {}, limits?: CallLimits): Promise<ListThreadsResponse> {
    const { pageSize = 0, pageToken = '', archived = false } = page;
    return this.#caller.call('/parley.v1.ThreadService/ListThreads', { pageSize, pageToken, archived }, limits);
  }
}
