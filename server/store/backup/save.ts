import type { Clock } from '../../core/clock.ts';
import type { BackupSource } from '../backup.ts';
import type { BackupCounts } from './file.ts';
import { BackupWriter } from './writer.ts';

export interface Saved {
  readonly counts: BackupCounts;
  readonly bytes: number;
}

/**
 * Writes a backup of the source. There is no file of that name until it is whole and on disk.
 * @throws BackupError when the file cannot be written; what the source throws
 */
export async function saveBackup(
  source: BackupSource,
  file: string,
  { clock, signal, onProgress }: { clock: Clock; signal?: AbortSignal; onProgress?: (saved: Saved) => void },
): Promise<Saved> {
  const { store, epoch } = source;
  const writer = await BackupWriter.create(file, { createMs: Math.floor(clock.nowMs()), store, epoch });
  try {
    for await (const item of source.items(signal)) {
      await writer.put(item);
      onProgress?.(writer);
    }
    await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
  return writer;
}
