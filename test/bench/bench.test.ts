// The load generator's own tests, and one small run of each bench on a real platform.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { needs } from '../support/skip.ts';
import { Tmux } from '../support/tmux.ts';
import { buildGenerator, env, source } from './generator.ts';

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
    await run('go', ['vet', './...'], { cwd: source, env });
    const told = await run('go', ['test', './...'], { cwd: source, env }).catch((error: unknown) => error);
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

  test('on a channel every number is accounted for by everyone, by slow readers too', async () => {
    const args = ['--listeners', '20', '--rate', '40', '--seconds', '2', '--warm-up', '0', '--slow-readers', '0.1'];
    const report = await bench('fanout', '--channel', ...args);
    expect(report).toMatchObject({ bench: 'channel', lost: 0, unacked: 0, skipped: 0, left_out: 0 });
    expect(report).toMatchObject({ slow_readers_count: 2, slow_lost: 0, slow_disconnects: 0, slow_skipped: 0 });
    expect(report['rate_per_s']).toBeGreaterThan(400);
    expectNumbers(report, [...traffic, 'published_per_s', 'loop_delay_p99_ms', 'slow_received']);
  });

  test('a sample leaves out the same for all, and the newest may stand for all', async () => {
    const args = ['--listeners', '10', '--rate', '60', '--seconds', '2', '--warm-up', '0', '--direct'];
    for (const kind of [['sampled', '--max-rate', '5'], ['latest']]) {
      const report = await bench('fanout', '--channel', ...args, '--class', ...kind);
      expect(report).toMatchObject({ class: kind[0], lost: 0, unacked: 0, skipped: 0 });
      if (kind[0] === 'latest') continue;
      expect(report['left_out']).toBeGreaterThan(report['delivered'] as number);
      expect((report['left_out'] as number) % 10).toBe(0);
    }
  });

  test('pairs are measured alone and beside a channel', async () => {
    const args = ['--seconds', '2', '--warm-up', '0', '--beside-channel', '20', '--channel-listeners', '10'];
    const report = await bench('pairs', '--pairs', '2', '--think', '50', ...args);
    expect(report).toMatchObject({ bench: 'pairs', beside_rate: 20, lost: 0, unsettled: 0 });
    const numbers = { rate_per_s: expect.any(Number), p50_ms: expect.any(Number), p99_ms: expect.any(Number) };
    expect(report).toMatchObject({ alone: numbers, ratio_to_alone: numbers });
    expect((report['channel'] as { per_s: number }).per_s).toBeGreaterThan(100);
  });

  test('a running channel is told a line a second where there is no terminal', async () => {
    const args = ['test/bench/live.ts', '--listeners', '10', '--rate', '20', '--seconds', '3'];
    const { stdout } = await run(process.execPath, args, { cwd: root });
    const lines = stdout.split('\n').filter((line) => / s {2}published /.test(line));
    expect(lines.length).toBeGreaterThanOrEqual(2);
    expect(lines.at(-1)).toMatch(
      /delivered \d+(\.\d+)?\/s {2}p50 .* ms {2}p99 .* ms {2}skipped 0 {2}node .* % {2}envoy .* % {2}loop .* ms$/,
    );
    expect(stdout).toMatch(/^lost +0$/m);
  });

  test('idle streams are opened, held and weighed', async () => {
    const report = await bench('connections', '--streams', '50', '--seconds', '1');
    expect(report).toMatchObject({ bench: 'connections', streams: 50, expired: 0, unanswered: 0 });
    expect(report['kib_per_stream']).toEqual({ node: expect.any(Number), envoy: expect.any(Number) });
    expectNumbers(report, ['connects_per_s', 'p99_ms']);
  });
});

needs('go', 'tmux')('a running channel on a terminal', () => {
  test(
    'the dashboard comes once a second, and q ends it with the whole of the numbers',
    { timeout: coldLimitMs },
    async () => {
      await buildGenerator();
      const command = `exec "${process.execPath}" test/bench/live.ts --listeners 10 --rate 20 --seconds 600`;
      await using terminal = await Tmux.start(`cd "${root}" && sh -c '${command}'; echo "ended with $?"; sleep 60`);
      await terminal.see(/published +\d+ +\d+(\.\d+)?\/s of 20\n.*delivered +\d+ /);
      await terminal.see(/event loop +late by /);
      await terminal.type('q');
      await terminal.see(/ended with 0/);
    },
  );
});
