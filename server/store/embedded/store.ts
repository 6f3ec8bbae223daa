import type { Clock } from '../../core/clock.ts';
import type { Store } from '../store.ts';
import { findDamage } from './damage.ts';
import { Database } from './database.ts';
import { EmbeddedStore } from './embedded-store.ts';
import { damaged, Folder, StoreFolderError } from './folder.ts';
import { keys } from './keys.ts';
import type { StoreLog } from './log.ts';

export interface EmbeddedStoreOptions {
  /** Made if it does not exist. One process at a time has it open. */
  readonly folder: string;
  readonly clock: Clock;
  /** Told when the disk fails and when it is back. Default: nobody. */
  readonly log?: StoreLog;
  /** False leaves out the fsync, so that a test can show that it sees that. Default true. */
  readonly sync?: boolean;
}

const silent: StoreLog = { info: () => {}, warn: () => {}, error: () => {} };

/**
 * Opens the store of one machine.
 * @throws StoreFolderError when the folder is in use, damaged, or of a newer format: never repaired, nothing lost silently
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<Store> {
  const folder = new Folder(options.folder);
  const made = await folder.isMade();
  if (!made) await folder.make();
  else await refuseDamage(folder);
  const knownEpoch = await folder.epoch();
  const database = await openDatabase(folder, !made);
  try {
    if (!made) {
      const [key] = await database.keys({ limit: 1 });
      if (database.getNow(keys.restoring) !== undefined) {
        throw new StoreFolderError(
          `a restore into ${folder.root} was broken off: remove what is in it, and restore again`,
        );
      }
      if (key !== undefined) throw damaged(folder.root, 'its file "format" is missing');
    }
    const epoch = knownEpoch ?? (await folder.makeEpoch(options.clock));
    if (!made) await folder.writeFormat();
    await folder.writePid();
    return new EmbeddedStore({
      folder,
      database,
      epoch,
      clock: options.clock,
      log: options.log ?? silent,
      sync: options.sync ?? true,
    });
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Before LevelDB opens it: what it would drop is then still there. */
async function refuseDamage(folder: Folder): Promise<void> {
  const found = await findDamage(folder.database);
  if (found !== undefined) throw damaged(folder.root, found);
}

async function openDatabase(folder: Folder, createIfMissing: boolean): Promise<Database> {
  try {
    return await Database.open(folder.database, createIfMissing);
  } catch (error) {
    const cause = (error as { cause?: { code?: string; message?: string } }).cause;
    if (cause?.code === 'LEVEL_LOCKED') {
      throw new StoreFolderError(
        `the store in ${folder.root} is in use by ${await folder.holder()}: stop that first, or choose another folder`,
        { cause: error },
      );
    }
    if (cause?.code === 'LEVEL_CORRUPTION') throw damaged(folder.root, cause.message ?? 'its files do not fit', error);
    throw new StoreFolderError(`the store in ${folder.root} cannot be opened: ${cause?.message ?? String(error)}`, {
      cause: error,
    });
  }
}
