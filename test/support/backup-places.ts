// Places for stores that are backed up and made again: a folder, a keyspace.
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../../server/core/clock.ts';
import { openBackupSource as openKeyspaceSource } from '../../server/store/cassandra/backup-source.ts';
import { openBackupTarget as openKeyspaceTarget } from '../../server/store/cassandra/backup-target.ts';
import { openBackupSource } from '../../server/store/embedded/backup-source.ts';
import { openBackupTarget } from '../../server/store/embedded/backup-target.ts';
import { openEmbeddedStore } from '../../server/store/embedded/store.ts';
import type { BackupPlace } from '../contract/backup.ts';
import { newKeyspace } from './cassandra.ts';

export async function newFolder(): Promise<BackupPlace> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-store-'));
  return {
    open: (clock) => openEmbeddedStore({ folder, clock }),
    source: () => openBackupSource(folder),
    target: () => openBackupTarget(folder),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

export async function newEmptyKeyspace(): Promise<BackupPlace> {
  const keyspace = newKeyspace();
  return {
    // Its timers run by the real clock, which waits for a real Cassandra.
    open: (clock) => keyspace.open({ clock: { ...systemClock, nowMs: () => clock.nowMs() } }),
    source: () => openKeyspaceSource(keyspace.options),
    target: () => openKeyspaceTarget(keyspace.options),
    [Symbol.asyncDispose]: () => keyspace[Symbol.asyncDispose](),
  };
}
