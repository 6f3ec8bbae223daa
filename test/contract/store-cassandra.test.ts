import { systemClock } from '../../server/core/clock.ts';
import { newKeyspace } from '../support/cassandra.ts';
import { needs } from '../support/skip.ts';
import { nowMs } from './samples.ts';
import { storeContract } from './store.ts';

needs('cassandra')('on a Cassandra node', () => {
  // In the samples' time: for the present they lie too far back to be listed by their days.
  const clock = { ...systemClock, nowMs: () => nowMs };
  storeContract('the Cassandra store', async () => newKeyspace({ clock }));
});
