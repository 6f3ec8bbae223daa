import { createHash, randomUUID } from 'node:crypto';
import type { Agent } from 'node:https';
import { type App, cert, type Credential, deleteApp, initializeApp } from 'firebase-admin/app';
import { getMessaging, type Messaging, type TokenMessage } from 'firebase-admin/messaging';
import type { Clock } from '../core/clock.ts';
import { verdictOfError } from './fcm/verdict.ts';
import type { Notification, Notifier, Verdict } from './notifier.ts';

export interface FcmOptions {
  /** Of a service account, parsed; or where access tokens come from, with the project they are for. */
  readonly account: object | { readonly credential: Credential; readonly projectId: string };
  readonly clock: Clock;
  /** Default: Node's own, which keeps connections, and goes by a proxy where NODE_USE_ENV_PROXY says so. */
  readonly agent?: Agent;
  /** Told when the deployment's own credentials are refused or not to be had. */
  readonly onUnauthorized?: (why: string) => void;
}

interface Opened {
  readonly app: App;
  readonly messaging: Messaging;
}

/**
 * Firebase Cloud Messaging: Android itself, iOS by APNs, browsers by web push. What makes a notification take the place of the one before it is the
 * thread's id: `tag` on Android and in browsers, `apns-collapse-id` on iOS; while it is on its way, `collapse_key` (FCM holds four for a device that is
 * off: of more threads it keeps some, and the app fetches the rest when it is opened) and `Topic`.
 */
export class FcmNotifier implements Notifier {
  readonly name = 'fcm';
  readonly #open: () => Opened;
  #opened: Opened;
  readonly #clock: Clock;
  readonly #onUnauthorized: ((why: string) => void) | undefined;

  /** @throws what firebase-admin throws for an account that cannot be used */
  constructor({ account, clock, agent, onUnauthorized }: FcmOptions) {
    const httpAgent = agent === undefined ? {} : { httpAgent: agent };
    this.#open = () => {
      const options =
        'credential' in account
          ? { credential: account.credential, projectId: account.projectId }
          : { credential: cert(account, agent) };
      // Several may live in one process.
      const app = initializeApp({ ...options, ...httpAgent }, `parley-${randomUUID()}`);
      const messaging = getMessaging(app);
      sendOnce(messaging);
      return { app, messaging };
    };
    this.#opened = this.#open();
    this.#clock = clock;
    this.#onUnauthorized = onUnauthorized;
  }

  async send(notification: Notification, late?: AbortSignal): Promise<Verdict> {
    const opened = this.#opened;
    const onLate = (): void => this.#renew(opened);
    late?.addEventListener('abort', onLate, { once: true });
    try {
      await opened.messaging.send(messageOf(notification, this.#clock.nowMs()));
      return { outcome: 'sent' };
    } catch (error) {
      const { verdict, unauthorized } = verdictOfError(error, this.#clock.nowMs());
      if (unauthorized && 'why' in verdict) this.#onUnauthorized?.(verdict.why);
      return verdict;
    } finally {
      late?.removeEventListener('abort', onLate);
    }
  }

  /** All that is sent waits for one access token, for which the library asks once and has no deadline: only another app asks again. */
  #renew(stuck: Opened): void {
    if (this.#opened !== stuck) return;
    this.#opened = this.#open();
    void deleteApp(stuck.app).catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await deleteApp(this.#opened.app);
  }
}

/**
 * By itself the library tries a 503 and a broken connection four times more, unseen by the quota and deaf to what else was said meanwhile. No option turns
 * that off. @throws Error when the library is not built as expected
 */
function sendOnce(messaging: Messaging): void {
  const { messagingRequestHandler: handler } = messaging as unknown as {
    readonly messagingRequestHandler?: { readonly httpClient?: { retry?: unknown } };
  };
  if (handler?.httpClient?.retry === undefined) throw new Error('firebase-admin keeps its retries somewhere else');
  handler.httpClient.retry = undefined;
}

/** What goes to FCM, which takes of it what the token's platform needs. */
function messageOf(notification: Notification, nowMs: number): TokenMessage {
  const { kind, to, threadId, sequence, title, text, badge, unread, ttlS } = notification;
  const data = { kind, thread_id: threadId, sequence: String(sequence), badge: String(badge) };
  const webHeaders = { TTL: String(ttlS), Topic: topicOf(threadId) };
  if (kind === 'withdraw') {
    return {
      token: to.pushToken,
      data,
      android: { collapseKey: threadId, priority: 'normal', ttl: ttlS * 1_000 },
      apns: {
        headers: { 'apns-collapse-id': threadId, 'apns-push-type': 'background', 'apns-priority': '5' },
        payload: { aps: { contentAvailable: true } },
      },
      webpush: { headers: { ...webHeaders, Urgency: 'normal' } },
    };
  }
  return {
    token: to.pushToken,
    data,
    notification: { title, body: text },
    android: {
      collapseKey: threadId,
      priority: 'high',
      ttl: ttlS * 1_000,
      notification: { tag: threadId, notificationCount: unread },
    },
    apns: {
      headers: {
        'apns-collapse-id': threadId,
        'apns-push-type': 'alert',
        'apns-priority': '10',
        'apns-expiration': String(Math.floor(nowMs / 1_000) + ttlS),
      },
      payload: { aps: { badge, sound: 'default', threadId, mutableContent: true } },
    },
    webpush: { headers: { ...webHeaders, Urgency: 'high' }, notification: { tag: threadId, renotify: true } },
  };
}

/** A `Topic` of web push is at most 32 characters. */
function topicOf(threadId: string): string {
  return createHash('sha256').update(threadId).digest('base64url').slice(0, 32);
}
