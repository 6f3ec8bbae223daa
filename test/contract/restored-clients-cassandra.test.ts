import { newStanding } from '../support/cassandra.ts';
import { type RestorablePlace, restoreScenario } from '../support/restore-scenario.ts';
import { needs } from '../support/skip.ts';

needs('cassandra')('on a Cassandra node', () => {
  const newPlace = (): RestorablePlace => {
    const { contactPoints, dataCenter, keyspace } = newStanding();
    return {
      env: {
        PARLEY_STORE: 'cassandra',
        PARLEY_CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
        PARLEY_CASSANDRA_DATA_CENTER: dataCenter,
        PARLEY_CASSANDRA_KEYSPACE: keyspace,
      },
      args: [],
    };
  };
  restoreScenario(newPlace, async () => newPlace());
});
