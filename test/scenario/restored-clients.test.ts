import { rename } from 'node:fs/promises';
import path from 'node:path';
import { describe } from 'vitest';
import { restoreScenario } from '../support/restore-scenario.ts';

describe('on the embedded store', () => {
  const place = (dataDir: string) => ({ env: {}, args: ['--data', dataDir] });
  restoreScenario(place, async (dataDir) => {
    await rename(path.join(dataDir, 'store'), path.join(dataDir, 'store-lost'));
    return place(dataDir);
  });
});
