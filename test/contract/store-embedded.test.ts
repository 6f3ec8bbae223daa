import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { systemClock } from '../../server/core/clock.ts';
import { openEmbeddedStore } from '../../server/store/embedded/store.ts';
import { storeContract } from './store.ts';

storeContract('the embedded store', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'parley-store-'));
  return {
    open: () => openEmbeddedStore({ folder, clock: systemClock }),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
});
