import type { Channel } from '#proto/parley/v1/channel_service.ts';
import type { DeliveryClass, Subscribe } from '#proto/parley/v1/stream_service.ts';
import { isForNow, type ParleyError } from './errors.ts';
import type { Session } from './session.ts';

/** How much of a channel to hear. */
export const DELIVERY_CLASS = {
  everything: 1 satisfies DeliveryClass.DELIVERY_CLASS_EVERYTHING,
  sampled: 2 satisfies DeliveryClass.DELIVERY_CLASS_SAMPLED,
  latest: 3 satisfies DeliveryClass.DELIVERY_CLASS_LATEST,
} as const;

export interface ChannelWish {
  readonly delivery: keyof typeof DELIVERY_CLASS;
  /** For `sampled`: comments a second, 1–100; undefined = the server's default. */
  readonly maxRate?: number;
}

/** What the session is to hear; said again on every new stream. */
export class Wishes {
  readonly #wished = new Map<string, Subscribe>();
  #watched: string[] = [];
  #session: Session | undefined;

  use(session: Session): void {
    this.#session = session;
    session.requestAll(
      [...this.#wished].map(([key, value]) => ({
        frame: { $case: 'subscribe', value } as const,
        done: (outcome) => {
          // Refused: it is no longer the user's to hear.
          if (!outcome.ok && isFinal(outcome.error) && this.#wished.get(key) === value) this.#wished.delete(key);
        },
      })),
    );
    if (this.#watched.length > 0) session.say({ $case: 'watchPresence', value: { userIds: this.#watched } });
  }

  thread(threadId: string): Promise<void> {
    return this.#subscribe(`thread:${threadId}`, {
      target: { $case: 'threadId', value: threadId },
      deliveryClass: 0,
      maxRate: 0,
      epoch: 0n,
    });
  }

  channel(channelId: string, wish: ChannelWish): Promise<void> {
    return this.#subscribe(`channel:${channelId}`, {
      target: { $case: 'channelId', value: channelId },
      deliveryClass: DELIVERY_CLASS[wish.delivery],
      maxRate: wish.maxRate ?? 0,
      epoch: 0n,
    });
  }

  forgetThread(threadId: string): void {
    this.#unsubscribe(`thread:${threadId}`);
  }

  forgetChannel(channelId: string): void {
    this.#unsubscribe(`channel:${channelId}`);
  }

  /** A channel as it is now: another epoch than before counts anew. */
  heard({ channelId, epoch, publishedCount }: Channel): void {
    const wish = this.#wished.get(`channel:${channelId}`);
    if (wish === undefined || (wish.afterNumber !== undefined && wish.epoch === epoch)) return;
    wish.epoch = epoch;
    wish.afterNumber = publishedCount;
  }

  /** Everything up to this number of a channel was told or skipped: the next stream goes on behind it. */
  accounted(channelId: string, to: bigint): void {
    const wish = this.#wished.get(`channel:${channelId}`);
    if (wish?.afterNumber !== undefined && to > wish.afterNumber) wish.afterNumber = to;
  }

  /** Rejects with LIMIT_REACHED and the like; while there is no stream it is only noted. */
  watch(userIds: readonly string[]): Promise<void> {
    this.#watched = [...userIds];
    return this.#ask({ $case: 'watchPresence', value: { userIds: this.#watched } });
  }

  #subscribe(key: string, value: Subscribe): Promise<void> {
    this.#wished.set(key, value);
    return this.#ask({ $case: 'subscribe', value }).catch((error: unknown) => {
      if (this.#wished.get(key) === value) this.#wished.delete(key);
      throw error;
    });
  }

  #unsubscribe(key: string): void {
    const target = this.#wished.get(key)?.target;
    if (!this.#wished.delete(key) || this.#session?.isOpen !== true) return;
    this.#session.say({ $case: 'unsubscribe', value: { target } });
  }

  /** Resolves when the server took it, or when there is no stream: then the next one begins with it. */
  #ask(frame: Parameters<Session['request']>[0]): Promise<void> {
    const session = this.#session;
    if (session?.isOpen !== true) return Promise.resolve();
    return new Promise((resolve, reject: (error: ParleyError) => void) => {
      session.request(frame, (outcome) => {
        if (outcome.ok || outcome.error.reason === 'CONNECTION_LOST') resolve();
        else reject(outcome.error);
      });
    });
  }
}

/** Whether a refusal holds for good; else the next stream asks again. */
function isFinal(error: ParleyError): boolean {
  return error.reason !== 'CONNECTION_LOST' && error.reason !== 'LISTENER_CAP' && !isForNow(error);
}
