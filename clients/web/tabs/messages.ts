import type { ClientFrame, Hello, ServerFrame } from '#proto/parley/v1/stream_service.ts';
import type { ErrorParts } from '../../core/errors.ts';

// What tabs of one origin and user say to each other, in the order in which it was said, on one BroadcastChannel.

/** From a following tab to the one that leads. `tab`: who says it; `stream`: which of its streams, counted from 1. */
export type ToLeader =
  | { readonly kind: 'open'; readonly tab: string; readonly stream: number; readonly hello: Hello }
  /** `unread`: for each MarkRead among the frames, what is unread by it. */
  | {
      readonly kind: 'say';
      readonly tab: string;
      readonly stream: number;
      readonly frames: readonly ClientFrame[];
      readonly unread: readonly number[];
    }
  | { readonly kind: 'close'; readonly tab: string; readonly stream: number };

/** From the leading tab. */
export type ToFollowers =
  /** A tab leads from now on: streams to another are over. */
  | { readonly kind: 'leads' }
  /** There is a session: who waits before it asks again need not. */
  | { readonly kind: 'live' }
  /** What the tab said on the stream was heard. A new one is told of as soon as there is a session. */
  | { readonly kind: 'noted'; readonly to: string; readonly stream: number }
  /** Frames for one stream, or for all that were begun by `begins`. */
  | {
      readonly kind: 'tell';
      readonly to: string | undefined;
      readonly stream: number;
      readonly begins: boolean;
      readonly frames: readonly ServerFrame[];
    }
  /** Streams are over: one tab's, or all. */
  | { readonly kind: 'ended'; readonly to: string | undefined; readonly error: ErrorParts | undefined };

/** From any tab to all: the user is signed out. */
export type ToAll = { readonly kind: 'signed-out' };

export type TabMessage = ToLeader | ToFollowers | ToAll;

/** The channel between tabs, or what stands for it. Messages never reach the tab that posts them. */
export interface Wire {
  post(message: TabMessage): void;
}
