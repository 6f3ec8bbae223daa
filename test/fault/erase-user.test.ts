// The erasure of a user through kill -9 of the node: in the end no file of the store holds a word of theirs.
import { mkdtempDisposable } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startPlatform } from '../../platform/platform.ts';
import { systemClock } from '../../server/core/clock.ts';
import { openEmbeddedStore } from '../../server/store/embedded/store.ts';
import { erasureOutlivesKills } from '../scenario/erase-user.ts';
import { holding } from '../support/holding.ts';
import { unlimited } from '../support/unlimited.ts';

test('an erasure outlives kills of the node, counts each message once, and leaves no word in any file', async () => {
  await using folder = await mkdtempDisposable(path.join(os.tmpdir(), 'parley-erase-'));
  await using platform = await startPlatform({ services: true, env: unlimited, dataDir: folder.path });
  const { hers, others } = await erasureOutlivesKills(platform, 4_500, 3);
  await platform.stop();
  const kept = path.join(folder.path, 'store');
  const store = await openEmbeddedStore({ folder: kept, clock: systemClock });
  await store.compact();
  await store[Symbol.asyncDispose]();
  expect(await holding(kept, hers)).toEqual([]);
  expect(await holding(kept, others)).not.toEqual([]);
});
