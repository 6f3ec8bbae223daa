import type { Store } from '../../server/store/store.ts';

/** Keeps no last-seen times: what a test sees of them comes from the registry itself. */
export const forgetfulStore: Pick<Store, 'seen' | 'lastSeen'> = {
  seen: () => Promise.resolve(),
  lastSeen: (users) => Promise.resolve(users.map(() => 0)),
};
