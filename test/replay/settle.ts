/** The end of a run: everybody hears the rest, reads it, and the authors see that they did. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ReplayClient } from './client.ts';
import type { HistoryRecord } from './history.ts';
import type { Played } from './play.ts';

/** How often the operator looks whether all have read. */
const lookMs = 250;

/** Resolves when every member's position covers the last message. Calls `reached` with how many do, at each look. */
export async function allRead(
  played: Played,
  operator: ReplayClient,
  signal: AbortSignal,
  reached: (members: number) => void,
): Promise<void> {
  const members = new Set([...played.members].map((member) => member.client.user));
  while (!signal.aborted) {
    const positions = await operator.positions(played.thread);
    const behind = new Set(members);
    for (const told of positions)
      if (told.delivered >= played.last && told.read >= played.last) behind.delete(told.user);
    reached(members.size - behind.size);
    if (behind.size === 0) return;
    await pause(lookMs);
  }
}

/** Each author who is still a member asks who has what, and is recorded as told. */
export async function askAuthors(played: Played, record: (record: HistoryRecord) => void): Promise<void> {
  const { thread } = played;
  for (const author of played.authors) {
    if (!played.members.has(author)) continue;
    for (const told of await author.positions(thread)) {
      record({ client: author.client, atMs: performance.now(), kind: 'position', thread, ...told });
    }
  }
}
