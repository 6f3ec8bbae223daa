import { newFolder } from '../support/backup-places.ts';
import { backupContract } from './backup.ts';

backupContract('an embedded store from a backup of one', newFolder, newFolder);
