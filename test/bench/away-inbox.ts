// What the user of `bench -- away` finds: threads that were written over a month, and devices that were last there at some time.
import { randomBytes } from 'node:crypto';
import type { KeptState } from '../../clients/core/client-options.ts';
import { wireTime } from '../../clients/core/times.ts';
import { ThreadHead } from '#proto/parley/v1/thread.ts';
import { chunksOf } from '../../server/core/chunks.ts';
import type { Head } from '../../server/core/entry.ts';
import type { DeviceId, ThreadId, UserId } from '../../server/core/ids.ts';
import { ResumeTokens } from '../../server/delivery/resume-token.ts';
import { maxGroups } from '../../server/delivery/thread-feeds.ts';
import type { Store } from '../../server/store/store.ts';
import { type WrittenThread, writeMessages, writeThread } from '../support/many-threads.ts';

export const user = 'alice' as UserId;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** Its last messages are of the last hour. */
const recentThreads = 25;
const rounds = 4;
const atOnce = 128;

/** How long a device was away. `fresh`: it is new, and has no token. */
export const absences = ['fresh', 'month', 'hour'] as const;
export type Absence = (typeof absences)[number];

export interface Away {
  readonly absence: Absence;
  readonly deviceId: DeviceId;
  readonly kept: KeptState;
}

interface Place {
  readonly threadId: ThreadId;
  readonly head: Head;
}

export interface AwayInbox {
  /** A device that left then, with all that was there then. */
  device(absence: Absence, name: string): Promise<Away>;
}

/**
 * Writes threads, half of them groups, made 60 days ago; messages of each in four parts over the last 30 days, less a minute. The last part
 * of 25 threads is of the last hour.
 */
export async function writeInbox(store: Store, threads: number, messages: number, nowMs: number): Promise<AwayInbox> {
  const monthMs = nowMs - 30 * dayMs + 60_000;
  const places = new Map<Absence, Place[]>([
    ['month', []],
    ['hour', []],
  ]);
  const note = (absence: Absence, { threadId, head }: WrittenThread): void => {
    places.get(absence)?.push({ threadId, head });
  };
  const text = 'x'.repeat(100);
  const write = async (at: number): Promise<void> => {
    const name = `${at % 2 === 0 ? 'd' : 'g'}_away-${at}`;
    const thread = await writeThread(store, user, name, nowMs - 60 * dayMs + at * 1_000);
    note('month', thread);
    const isRecent = at < recentThreads;
    for (let round = 0; round < rounds; round += 1) {
      const isLast = round === rounds - 1;
      if (isLast && isRecent) note('hour', thread);
      const atMs =
        isLast && isRecent
          ? nowMs - 0.5 * hourMs
          : monthMs + 60_000 + (round + at / threads) * ((30 * dayMs - 4 * hourMs) / rounds);
      const count = Math.floor(messages / rounds) + (isLast ? messages % rounds : 0);
      const texts = Array.from({ length: count }, () => text);
      if (count > 0) await writeMessages(store, user, thread, texts, atMs);
    }
    if (!isRecent) note('hour', thread);
  };
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < threads) await write(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));

  const tokens = new ResumeTokens(await store.secret('resume-token', () => randomBytes(32)));
  return {
    async device(absence, name) {
      const deviceId = `${absence}-${name}` as DeviceId;
      const held = (places.get(absence) ?? []).toSorted((a, b) => a.head.activityMs - b.head.activityMs);
      if (absence === 'fresh') return { absence, deviceId, kept: { resume: undefined, heads: [] } };
      const leftMs = absence === 'month' ? monthMs : nowMs - hourMs;
      for (const some of chunksOf(held, 1_000)) {
        const of = ({ threadId, head }: Place) => ({ threadId, userId: user, sequence: head.sequence, atMs: leftMs });
        await store.advance(some.map((one) => ({ ...of(one), deviceId, ordinal: 0n })));
      }
      const groups = held.filter(({ threadId }) => threadId.startsWith('g_'));
      const token = tokens.make({
        userId: user,
        deviceId,
        userSequence: 0n,
        inboxMs: leftMs - 10_000,
        groupsMs: groups.length > maxGroups ? (groups.at(-maxGroups)?.head.activityMs ?? 0) : 0,
        epoch: store.epoch,
        madeMs: leftMs,
      });
      const heads = held.map(({ threadId, head }) =>
        ThreadHead.fromPartial({
          threadId,
          epoch: head.epoch,
          sequence: head.sequence,
          ordinal: head.ordinal,
          visibleFromSequence: 1n,
          deliveredSequence: head.sequence,
          activityTime: wireTime(head.activityMs),
          kind: threadId.startsWith('d_') ? 1 : 2,
          member: true,
        }),
      );
      return {
        absence,
        deviceId,
        kept: { resume: { token, userEpoch: store.epoch, userSequence: 0n }, heads },
      };
    },
  };
}
