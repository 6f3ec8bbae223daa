import type { Channel } from '#proto/parley/v1/channel_service.ts';
import type { CommentBatch, DeliveryClass, Skipped, Subscribe } from '#proto/parley/v1/stream_service.ts';
import { ChannelAccount } from './channel-account.ts';
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

interface Wish {
  readonly subscribe: Subscribe;
  /** Of a channel. */
  readonly account: ChannelAccount;
}

/** What the session is to hear; said again on every new stream. */
export class Wishes {
  readonly #wished = new Map<string, Wish>();
  /** By channel, the epoch that a stream tells of: two of them may be apart. */
  readonly #epochs = new WeakMap<Session, Map<string, bigint>>();
  #watched: string[] = [];
  #session: Session | undefined;

  use(session: Session): void {
    this.#session = session;
    session.requestAll(
      [...this.#wished].map(([key, wish]) => ({
        frame: frameOf(wish),
        done: (outcome) => {
          // Refused: it is no longer the user's to hear.
          if (!outcome.ok && isFinal(outcome.error) && this.#wished.get(key) === wish) this.#wished.delete(key);
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

  /** A channel as a stream tells it: another epoch than before counts anew. */
  heard(session: Session, { channelId, epoch, publishedCount }: Channel): void {
    const epochs = this.#epochs.get(session) ?? new Map<string, bigint>();
    this.#epochs.set(session, epochs.set(channelId, epoch));
    this.#wished.get(`channel:${channelId}`)?.account.begin(epoch, publishedCount);
  }

  /** What of the batch is news; undefined = nothing. */
  comments(batch: CommentBatch): CommentBatch | undefined {
    return this.#wished.get(`channel:${batch.channelId}`)?.account.take(batch);
  }

  /** What of the numbers that a stream left out is news; undefined = nothing. */
  skipped(session: Session, channelId: string, { from, to }: Pick<Skipped, 'from' | 'to'>) {
    const epoch = this.#epochs.get(session)?.get(channelId);
    return epoch === undefined ? undefined : this.#wished.get(`channel:${channelId}`)?.account.skip(epoch, from, to);
  }

  /** Rejects with LIMIT_REACHED and the like; while there is no stream it is only noted. */
  watch(userIds: readonly string[]): Promise<void> {
    this.#watched = [...userIds];
    return this.#ask({ $case: 'watchPresence', value: { userIds: this.#watched } });
  }

  #subscribe(key: string, subscribe: Subscribe): Promise<void> {
    // Another class of the same channel goes on where the one before was.
    const wish = { subscribe, account: this.#wished.get(key)?.account ?? new ChannelAccount() };
    this.#wished.set(key, wish);
    return this.#ask(frameOf(wish)).catch((error: unknown) => {
      if (this.#wished.get(key) === wish) this.#wished.delete(key);
      throw error;
    });
  }

  #unsubscribe(key: string): void {
    const target = this.#wished.get(key)?.subscribe.target;
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

function frameOf({ subscribe, account }: Wish): { readonly $case: 'subscribe'; readonly value: Subscribe } {
  return { $case: 'subscribe', value: { ...subscribe, ...account.resume } };
}

/** Whether a refusal holds for good; else the next stream asks again. */
function isFinal(error: ParleyError): boolean {
  return error.reason !== 'CONNECTION_LOST' && error.reason !== 'LISTENER_CAP' && !isForNow(error);
}
