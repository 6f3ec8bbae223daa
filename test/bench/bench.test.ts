// The load generator's own tests, and one small run of each bench on a real platform.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { needs } from '../support/skip.ts';
import { buildGenerator, goEnv, source } from './generator.ts';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
/** A cold cache downloads and compiles: half a minute alone, minutes when other tests have the cores. */
const coldLimitMs = 600_000;

async function bench(...args: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await run(process.execPath, ['test/bench/main.ts', ...args], { cwd: root });
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
}

const traffic = ['rate_per_s', 'p50_ms', 'p99_ms', 'ack_p50_ms', 'ack_p99_ms'];

function expectNumbers(report: Record<string, unknown>, names: readonly string[]): void {
  expect(Object.fromEntries(names.map((name) => [name, report[name]]))).toEqual(
    Object.fromEntries(names.map((name) => [name, expect.any(Number)])),
  );
}

needs('go')('the bench', () => {
  beforeAll(async () => {
    await buildGenerator();
  }, coldLimitMs);

  test('the load generator counts, times and pairs as it should', { timeout: coldLimitMs }, async () => {
    await run('go', ['vet', './...'], { cwd: source, env: goEnv });
    const told = await run('go', ['test', './...'], { cwd: source, env: goEnv }).catch((error: unknown) => error);
    // A failure says on standard output what failed.
    expect(told).toEqual({ stdout: expect.not.stringContaining('FAIL'), stderr: expect.any(String) });
  });

  test('pairs through Envoy lose nothing and hear receipts', async () => {
    const report = await bench('pairs', '--pairs', '3', '--receipts', '--seconds', '2', '--warm-up', '0');
    expect(report).toMatchObject({ bench: 'pairs', lost: 0, duplicated: 0, unsettled: 0, receipts: 'sdk' });
    expect(report['receipts_heard']).toBeGreaterThan(0);
    expect(report['cpu_s_per_million']).toEqual({
      node: expect.any(Number),
      envoy: expect.any(Number),
      total: expect.any(Number),
    });
    expectNumbers(report, traffic);
  });

  test('a group hears every message, also without Envoy', async () => {
    const args = ['--listeners', '30', '--rate', '20', '--seconds', '2', '--warm-up', '0', '--direct'];
    const report = await bench('fanout', ...args);
    expect(report).toMatchObject({ bench: 'fanout', lost: 0, duplicated: 0, unsettled: 0, direct: true });
    expect(report['rate_per_s']).toBeGreaterThan(300);
    expectNumbers(report, traffic);
  });

  test('idle streams are opened, held and weighed', async () => {
    const report = await bench('connections', '--streams', '50', '--seconds', '1');
    expect(report).toMatchObject({ bench: 'connections', streams: 50, expired: 0, unanswered: 0 });
    expect(report['kib_per_stream']).toEqual({ node: expect.any(Number), envoy: expect.any(Number) });
    expectNumbers(report, ['connects_per_s', 'p99_ms']);
  });
});
