import type { Presence } from '#proto/parley/v1/presence.ts';
import type { Profile } from '#proto/parley/v1/thread.ts';
import type { Parley } from './parley.ts';
import type { View } from './view.ts';

/** Whether a user is there, or when they were last; undefined until it is told. Of at most 200 users in all tabs together. */
export function presenceView(parley: Parley, userId: string): View<Presence | undefined> {
  throw new Error(`not yet: ${parley.userId} ${userId}`);
}

/** A user's name and picture; undefined until it is read. Read once a page, many in one call; the user's own follows changes. */
export function profileView(parley: Parley, userId: string): View<Profile | undefined> {
  throw new Error(`not yet: ${parley.userId} ${userId}`);
}
