import { createHmac } from 'node:crypto';
import { type Clock, pause } from '../core/clock.ts';
import { type Notification, type Notifier, retryAfterMs, type Verdict } from './notifier.ts';

const withinMs = 15_000;

export interface WebhookOptions {
  /** http(s) URL. */
  readonly url: string;
  /** Signs what is sent; empty = unsigned. */
  readonly secret: string;
  readonly clock: Clock;
}

/**
 * Hands each notification to an HTTP endpoint as JSON. `Parley-Signature: t=SECONDS,v1=HEX` is HMAC-SHA-256 of `SECONDS.BODY` under the secret. What it
 * answers: 2xx taken; 410 the token is dead; 408, 429 and 5xx try again, as `Retry-After` says (429: with everything); all else: never again.
 */
export class WebhookNotifier implements Notifier {
  readonly name = 'webhook';
  readonly #options: WebhookOptions;

  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  async send(notification: Notification): Promise<Verdict> {
    const { url, secret, clock } = this.#options;
    const body = JSON.stringify(payloadOf(notification));
    const seconds = Math.floor(clock.nowMs() / 1_000);
    const signature = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
    const late = new AbortController();
    const answered = new AbortController();
    void pause(clock, withinMs, answered.signal).then(() => late.abort());
    try {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'error',
        headers: {
          'content-type': 'application/json',
          ...(secret === '' ? {} : { 'parley-signature': `t=${seconds},v1=${signature}` }),
        },
        body,
        signal: late.signal,
      });
      // The connection is used again only when the answer was read.
      await response.arrayBuffer();
      return verdictOf(response, clock.nowMs());
    } catch (error) {
      const why = late.signal.aborted ? `no answer within ${withinMs / 1_000} s` : messageOf(error);
      return { outcome: 'later', why: `webhook: ${why}` };
    } finally {
      answered.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function payloadOf({ kind, to, threadId, sequence, title, text, badge, unread, ttlS }: Notification): object {
  return {
    kind,
    user_id: to.userId,
    device_id: to.deviceId,
    platform: to.platform,
    push_token: to.pushToken,
    thread_id: threadId,
    collapse_id: threadId,
    sequence: String(sequence),
    title,
    text,
    badge,
    unread,
    ttl_s: ttlS,
  };
}

function verdictOf({ status, headers }: Response, nowMs: number): Verdict {
  const why = `webhook: HTTP ${status}`;
  if (status >= 200 && status < 300) return { outcome: 'sent' };
  if (status === 410) return { outcome: 'gone', why };
  if (status !== 408 && status !== 429 && status < 500) return { outcome: 'refused', why };
  const after = retryAfterMs(headers.get('retry-after'), nowMs);
  return {
    outcome: 'later',
    why,
    ...(after === undefined ? {} : { retryAfterMs: after }),
    ...(status === 429 ? { everything: true } : {}),
  };
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
