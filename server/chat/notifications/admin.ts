import { Refusal } from '../../core/errors.ts';
import type { Notifier } from '../../notify/notifier.ts';
import type { DeadLetter, NotifyQueue, QueueCounts } from '../../notify/queue.ts';
import { PageTokens } from '../page-token.ts';

/** What became of notifications, for who runs the deployment. */
export class NotificationAdmin {
  readonly #of: { readonly notifier: Notifier['name']; readonly queue: NotifyQueue } | undefined;
  readonly #tokens: PageTokens;

  /** Undefined: notifications are turned off. `pageTokenKey`: see PageTokens. */
  constructor(
    of: { readonly notifier: Notifier['name']; readonly queue: NotifyQueue } | undefined,
    pageTokenKey: Uint8Array,
  ) {
    this.#of = of;
    this.#tokens = new PageTokens(pageTokenKey);
  }

  /** An empty name: they are turned off. */
  async counts(): Promise<QueueCounts & { readonly notifier: Notifier['name'] | '' }> {
    if (this.#of === undefined) return { notifier: '', looks: 0, waiting: 0, dead: 0 };
    return { notifier: this.#of.notifier, ...(await this.#of.queue.counts()) };
  }

  /** Newest first. @throws Refusal INVALID_TOKEN */
  async deadLetters(
    limit: number,
    pageToken: string,
  ): Promise<{ readonly letters: readonly DeadLetter[]; readonly nextPageToken: string }> {
    const scope = ['ListDeadLetters'];
    const [deadMs, id] = this.#tokens.read(scope, pageToken, 2) ?? [];
    const before = deadMs === undefined || id === undefined ? undefined : { deadMs: Number(deadMs), id };
    const found = (await this.#of?.queue.deadLetters(limit + 1, before)) ?? [];
    const letters = found.slice(0, limit);
    const last = letters.at(-1);
    if (found.length <= limit || last === undefined) return { letters, nextPageToken: '' };
    return { letters, nextPageToken: this.#tokens.make(scope, [String(last.deadMs), last.id]) };
  }

  /** @throws Refusal NOTIFICATION_NOT_FOUND */
  async retry(id: string): Promise<void> {
    if ((await this.#of?.queue.revive(id)) === true) return;
    throw new Refusal('NOTIFICATION_NOT_FOUND', 'no notification of this id is among the dead letters');
  }
}
