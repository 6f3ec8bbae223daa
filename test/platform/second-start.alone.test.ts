// Alone, since it measures.
import { expect, test } from 'vitest';
import { Launcher } from './support/launcher.ts';

test('a second start, on the data of the first, is ready in under three seconds', async () => {
  const first = await Launcher.ready();
  first.kill('SIGTERM');
  expect(await first.ended).toBe(0);
  const begunMs = performance.now();
  await using second = await Launcher.ready({ dataDir: first.dataDir });
  expect(performance.now() - begunMs).toBeLessThan(3000);
  expect(second.said).not.toContain('error');
});
