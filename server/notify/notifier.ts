import type { DeviceId, ThreadId, UserId } from '../core/ids.ts';

/**
 * The door to a push service. Another provider is one file behind it, named in server/app/notifications.ts.
 *
 * Promises
 * - `send` never rejects: what cannot be told apart from a failure is one that may be tried again. It may hang: whoever asks has a deadline.
 * - It sends once: when to try again is the queue's to say, and what is sent is counted against the quota.
 * - Of two notifications with one collapse id on a device the later one takes the place of the earlier one.
 */
export interface Notifier extends AsyncDisposable {
  readonly name: 'fcm' | 'webhook' | 'log';
  /** `late` is aborted when the answer is not waited for any more: what may be stuck is not to be used again. */
  send(notification: Notification, late?: AbortSignal): Promise<Verdict>;
}

export interface Notification {
  /** message: is shown. withdraw: is not, and takes away what is shown of the thread. */
  readonly kind: 'message' | 'withdraw';
  readonly to: Recipient;
  readonly threadId: ThreadId;
  /** The newest message it is about. */
  readonly sequence: bigint;
  /** Empty in a `withdraw`, as the text is. */
  readonly title: string;
  readonly text: string;
  /** The user's unread messages in all threads, for the app's icon. */
  readonly badge: number;
  /** Of these, those in this thread. */
  readonly unread: number;
  /** It is not to be shown, nor kept, later than this. */
  readonly ttlS: number;
}

export interface Recipient {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly platform: 'unspecified' | 'android' | 'ios' | 'web' | 'desktop';
  readonly pushToken: string;
}

/**
 *   sent      the push service has it
 *   gone      the token is dead: it is to be forgotten, and nothing sent to it again
 *   later     it may be tried again, not before `retryAfterMs` where the push service said so
 *   refused   it will be refused again: given up. `why` is for operators, without content
 */
export type Verdict =
  | { readonly outcome: 'sent' }
  | { readonly outcome: 'gone'; readonly why: string }
  | {
      readonly outcome: 'later';
      readonly why: string;
      readonly retryAfterMs?: number;
      /** Nothing at all is to be sent meanwhile: the quota is used up. */
      readonly everything?: true;
    }
  | { readonly outcome: 'refused'; readonly why: string };

/** What the header Retry-After says: seconds or a date; undefined = nothing. At most an hour. */
export function retryAfterMs(header: unknown, nowMs: number): number | undefined {
  if (typeof header !== 'string' || header === '') return undefined;
  const forMs = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - nowMs;
  return Number.isFinite(forMs) ? Math.min(3_600_000, Math.max(0, forMs)) : undefined;
}
