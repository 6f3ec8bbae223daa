/**
 * What the replay needs of a client. The real one (parley-client.ts) is the client that applications use; nothing in
 * the replay reaches around it to the server.
 */
import type { Body } from './body.ts';
import type { Client } from './history.ts';

export interface HeardMessage {
  thread: string;
  sequence: number;
  sender: string;
  body: Body;
}

/** Up to where a user has a thread, as a client was told. */
export interface ToldPosition {
  user: string;
  delivered: number;
  read: number;
}

/**
 * - `close`: the application closes its stream and opens another.
 * - `end`, `reset`: the TCP connection ends or is reset.
 * - `freeze`: nothing passes either way for a while, then the connection is reset: answers under way are lost.
 */
export type Break = 'close' | 'end' | 'reset' | 'freeze';
export const breaks: readonly Break[] = ['close', 'end', 'reset', 'freeze'];

/**
 * One device of one user. It acknowledges what it is told, reads it, and comes back after each break by itself.
 * Calls go on through breaks until they are answered; each rejects with the reason when the server refuses it.
 */
export interface ReplayClient extends AsyncDisposable {
  readonly client: Client;
  /** Resolves when its first stream is live. */
  open(): Promise<void>;
  /** `sequence`: the head with which the group begins; its members hear what follows. */
  createGroup(name: string, members: string[]): Promise<{ thread: string; sequence: number }>;
  /** Resolves with the sequence of the change. */
  addMember(thread: string, user: string): Promise<number>;
  /** Resolves with the sequence of the change. */
  leave(thread: string): Promise<number>;
  /** Resolves with the message's sequence. Messages of one client to one thread get sequences in the order of the calls. */
  send(thread: string, body: Body): Promise<number>;
  /** The positions of all members. */
  positions(thread: string): Promise<ToldPosition[]>;
  /** Breaks the stream that is open now, if one is. */
  break(how: Break): void;
}

/**
 * Makes the client of this user and device. `heard` is called for each message that the application is told, the
 * client's own included, in the order told.
 */
export type MakeClient = (client: Client, heard: (message: HeardMessage) => void) => Promise<ReplayClient>;
