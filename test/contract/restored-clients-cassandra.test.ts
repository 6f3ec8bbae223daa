import { randomUUID } from 'node:crypto';
import { inject } from 'vitest';
import { type RestorablePlace, restoreScenario } from '../support/restore-scenario.ts';
import { needs } from '../support/skip.ts';

needs('cassandra')('on a Cassandra node', () => {
  const newPlace = (): RestorablePlace => {
    const { contactPoints, dataCenter } = inject('cassandra');
    return {
      env: {
        PARLEY_STORE: 'cassandra',
        PARLEY_CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
        PARLEY_CASSANDRA_DATA_CENTER: dataCenter,
        PARLEY_CASSANDRA_KEYSPACE: `parley_${randomUUID().replaceAll('-', '').slice(0, 16)}`,
      },
      args: [],
    };
  };
  restoreScenario(newPlace, async () => newPlace());
});
