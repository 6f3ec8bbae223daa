import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { openBackupSource } from '../../server/store/embedded/backup-source.ts';
import { openBackupTarget } from '../../server/store/embedded/backup-target.ts';
import { openEmbeddedStore } from '../../server/store/embedded/store.ts';
import { backupContract, type BackupPlace } from './backup.ts';

async function newFolder(): Promise<BackupPlace> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-store-'));
  return {
    open: (clock) => openEmbeddedStore({ folder, clock }),
    source: () => openBackupSource(folder),
    target: () => openBackupTarget(folder),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

backupContract('an embedded store from a backup of one', newFolder, newFolder);
