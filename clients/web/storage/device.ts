import type { Runtime } from '../../core/runtime.ts';
import { result } from './database.ts';
import type { Database } from './database.ts';

/** This browser as a device of the user: made once and kept; for this page only where nothing can be kept. */
export async function keptDeviceId(database: Database, runtime: Runtime): Promise<string> {
  const made = `web-${runtime.newId()}`;
  const kept = await database.run(['meta'], 'readwrite', async (table) => {
    const meta = table('meta');
    const old = await result(meta.get('device') as IDBRequest<string | undefined>);
    if (old === undefined) meta.put(made, 'device');
    return old ?? made;
  });
  return kept ?? made;
}
