import { newEmptyKeyspace, newFolder } from '../support/backup-places.ts';
import { needs } from '../support/skip.ts';
import { backupContract } from './backup.ts';

needs('cassandra')('on a Cassandra node', () => {
  backupContract('a deployment from a backup of one', newEmptyKeyspace, newEmptyKeyspace);
  backupContract('a deployment from a backup of an embedded store', newFolder, newEmptyKeyspace);
  backupContract('an embedded store from a backup of a deployment', newEmptyKeyspace, newFolder);
});
