import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');

test('devices that come back through Envoy are told all that changed while they were away', async () => {
  const args = ['test/bench/main.ts', 'away', '--threads', '60', '--messages', '9', '--runs', '1'];
  const { stdout } = await run(process.execPath, args, { cwd: root });
  const report = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
  expect(report).toMatchObject({
    bench: 'away',
    fresh_heads: 60,
    fresh_unread: 540,
    month_heads: 60,
    month_unread: 540,
    hour_heads: 25,
    // Unread is what the user has not read anywhere.
    hour_unread: 225,
    // Of each thread the last three are of this hour.
    hour_bodies: 75,
  });
  for (const absence of ['fresh', 'month', 'hour']) {
    for (const name of ['usable_ms', 'bytes_in', 'store_reads', 'store_rows', 'store_bytes']) {
      expect(report[`${absence}_${name}`]).toBeGreaterThan(0);
    }
  }
});
