import type { Clock } from '../../core/clock.ts';
import { endMsOf, type RetentionRules } from '../../core/retention.ts';
import { systemUser, threadLog, type UserId, userLog } from '../../core/ids.ts';
import { type ProfileRow, rowKey } from '../../core/rows.ts';
import type { ThreadViews } from '../../delivery/thread-views.ts';
import type { Notification, Recipient } from '../../notify/notifier.ts';
import type { Job, NotifyQueue } from '../../notify/queue.ts';
import type { DeviceRecord, Store } from '../../store/store.ts';
import type { Badges } from './badge.ts';
import { messageOf } from './new-messages.ts';
import type { PushDevices } from './push-devices.ts';
import type { QuietTimes } from './quiet-hours.ts';
import { newestFor, wishesOf } from './rules.ts';
import { wordingOf } from './wording.ts';

/** A notification that nobody saw in a day is not worth showing. */
const mostTtlS = 86_400;
/** Entries before the one that was to be notified of, of which one is told where that was deleted meanwhile. */
const lookBack = 50;

export interface PushesOptions {
  readonly store: Store;
  readonly views: ThreadViews;
  readonly queue: NotifyQueue;
  readonly retention: RetentionRules;
  readonly devices: PushDevices;
  readonly badges: Badges;
  readonly quiet: QuietTimes;
  readonly clock: Clock;
  /** False: no notification says more than that something came. */
  readonly content: boolean;
}

/** send; or nothing is to be sent any more; or only after so long, when quiet hours are over. */
export type Composed = { readonly send: Notification } | 'nothing' | { readonly heldMs: number };

/**
 * Makes notifications, as things are when they are sent: what was read, muted, deleted or acknowledged since it was found that somebody lacks it is not
 * told, and what is told is the newest.
 */
export class Pushes {
  readonly #options: PushesOptions;

  constructor(options: PushesOptions) {
    this.#options = options;
  }

  async message(job: Job): Promise<Composed> {
    const { store, views, quiet, clock } = this.#options;
    const { userId, deviceId, threadId, upTo } = job;
    const device = await this.#device(job);
    if (device === undefined) return 'nothing';
    const view = await views.latest(threadId);
    const member = view?.members.get(userId);
    if (view === undefined || member === undefined) return 'nothing';
    const [[position], [acknowledged = 0n]] = await Promise.all([
      store.positionsOf(userId, [threadId]),
      store.devicePositions(userId, deviceId, [threadId]),
    ]);
    const read = position?.read ?? 0n;
    if (read >= upTo || acknowledged >= upTo) return 'nothing';
    const nowMs = clock.nowMs();
    const { account, level } = await wishesOf(store, userId, view, nowMs);
    const heldMs = quiet.leftMs(account.quietHours, nowMs);
    if (heldMs > 0) return { heldMs };
    const range = { after: read, upTo, limit: lookBack, fromEnd: true };
    const entries = await store.entries(threadLog(threadId), range);
    const messages = entries.map(messageOf).filter((message) => message !== undefined);
    const message = await newestFor(store, userId, level, member.joinSequence, messages.toReversed());
    if (message === undefined) return 'nothing';
    const rule = this.#options.retention.of(view.spans, message.sequence);
    const leftS = Math.floor((endMsOf(rule, message.createTimeMs) - nowMs) / 1_000);
    // What the server itself forgets as soon as it can is not left with others.
    const forgets = rule.mode === 'until-delivered' || leftS < 1;
    const newest = entries.at(-1)?.ordinal ?? 0n;
    const unread = Math.max(1, await this.#options.badges.unreadOf(threadId, newest, position, member.joinSequence));
    const { title, text } = wordingOf({
      locale: device.locale,
      senderName: await this.#nameOf(message.senderId),
      groupName: view.info.kind === 'group' ? view.info.name : undefined,
      body: message.body,
      unread,
      hidden: forgets || !this.#options.content || account.hideNotificationContent === true,
    });
    const badge = await this.#options.badges.of(userId);
    const ttlS = forgets ? mostTtlS : Math.min(mostTtlS, leftS);
    return {
      send: { kind: 'message', to: toOf(userId, device), threadId, sequence: upTo, title, text, badge, unread, ttlS },
    };
  }

  async withdrawal(job: Job): Promise<Composed> {
    const { userId, deviceId, threadId, upTo: sequence } = job;
    const device = await this.#device(job);
    if (device === undefined) return 'nothing';
    // A newer one has taken its place, or will: on a device that is off a withdrawal that comes late would take the place of that.
    const [notified] = await this.#options.queue.notified(threadId, [userId]);
    if ((notified?.get(deviceId) ?? 0n) > sequence) return 'nothing';
    const badge = await this.#options.badges.of(userId);
    const nothing = { title: '', text: '', unread: 0, ttlS: mostTtlS };
    return { send: { kind: 'withdraw', to: toOf(userId, device), threadId, sequence, badge, ...nothing } };
  }

  async #device({ userId, deviceId }: Job): Promise<DeviceRecord | undefined> {
    return (await this.#options.devices.of(userId)).find((device) => device.deviceId === deviceId);
  }

  /** Of who has no name their id, which everybody in the thread sees too. */
  async #nameOf(userId: UserId): Promise<string> {
    if (userId === systemUser) return '';
    const row = await this.#options.store.row(userLog(userId), rowKey.profile);
    const name = (row?.value as ProfileRow | undefined)?.displayName ?? '';
    return name === '' ? userId : name;
  }
}

function toOf(userId: UserId, { deviceId, platform, pushToken }: DeviceRecord): Recipient {
  return { userId, deviceId, platform, pushToken };
}
