// An embedded store in a folder of its own that goes with it.
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type Clock, systemClock } from '../../server/core/clock.ts';
import { type EmbeddedStoreOptions, openEmbeddedStore } from '../../server/store/embedded/store.ts';
import type { Store } from '../../server/store/store.ts';

export interface TemporaryStore extends AsyncDisposable {
  readonly folder: string;
  readonly store: Store;
  /** Closes it, and opens it again on what it has kept. */
  reopen(): Promise<Store>;
}

export async function newTemporaryStore(
  options: Partial<Omit<EmbeddedStoreOptions, 'folder' | 'clock'>> & { readonly clock?: Clock } = {},
): Promise<TemporaryStore> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-store-'));
  const open = (): Promise<Store> => openEmbeddedStore({ ...options, clock: options.clock ?? systemClock, folder });
  let store = await open();
  return {
    folder,
    get store() {
      return store;
    },
    async reopen() {
      await store[Symbol.asyncDispose]();
      store = await open();
      return store;
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
