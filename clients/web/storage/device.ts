import type { Runtime } from '../../core/runtime.ts';
import { result } from './database.ts';
import type { Database, Table } from './database.ts';

/**
 * A tab that shares its session with no other, or where nothing can be kept, is a device of its own, through reloads. A tab that is duplicated takes it along, and
 * supersedes the one that it was made from.
 */
export function tabDeviceId(name: string, runtime: Runtime): string {
  const made = `web-${runtime.newId()}`;
  try {
    const kept = sessionStorage.getItem(name) ?? made;
    sessionStorage.setItem(name, kept);
    return kept;
  } catch {
    return made;
  }
}

/** Forgets it. */
export function forgetTabDevice(name: string): void {
  try {
    sessionStorage.removeItem(name);
  } catch {
    // There is none to forget.
  }
}

/** This browser as a device of the user: made once and kept. Undefined where nothing can be kept. */
export function keptDeviceId(database: Database, runtime: Runtime): Promise<string | undefined> {
  return database.run(['meta'], 'readwrite', async (table) => {
    let id = await deviceIn(table);
    // A full disk is read all the same.
    if (id === undefined) table('meta').put((id = `web-${runtime.newId()}`), 'device');
    return id;
  });
}

/** Whether what is kept is still of this device; true where nothing can be kept. */
export async function isKeptDevice(database: Database, deviceId: string): Promise<boolean> {
  const kept = await database.run(['meta'], 'readonly', async (table) => ({
    device: await deviceIn(table),
  }));
  return kept === undefined || kept.device === deviceId;
}

const deviceIn = (table: (name: Table) => IDBObjectStore): Promise<string | undefined> =>
  result(table('meta').get('device') as IDBRequest<string | undefined>);
