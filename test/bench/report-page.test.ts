import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { UsageError } from './args.ts';
import { lineChart, shown, ticks } from './chart.ts';
import { writePage } from './report-file.ts';
import { readResults, reportPage } from './report-page.ts';

const run = (rate: number, perS: number, p99: number, total: number) => ({
  bench: 'channel',
  listeners: 1000,
  rate,
  size_bytes: 300,
  class: 'everything',
  rate_per_s: perS,
  p50_ms: 11.5,
  p99_ms: p99,
  cpu_s_per_million: { node: total / 4, envoy: (total * 3) / 4, total },
  kernel_s_per_million: { node: total / 8, envoy: total / 2, generator: 0.25 },
  generator_s_per_million: 1.25,
});
const peer = {
  name: 'socketio',
  rate_per_s: 51_234,
  p50_ms: 900,
  p99_ms: 1900,
  cpu_s_per_million: { node: 8.76, total: 9.87 },
};
const printed = [
  'run 1 of 1: Parley',
  JSON.stringify({ ...run(100, 99_876, 45.6, 4.32), peer }),
  JSON.stringify(run(400, 398_765, 78.9, 1.98)),
].join('\n');

/** Texts of the SVG with this title. */
function svgOf(page: string, title: string): string {
  return page.split('<svg').find((part) => part.includes(`>${title}<`)) ?? '';
}

test('the numbers of the runs stand in the charts, against the setting that varies', () => {
  const page = reportPage(readResults(printed));
  const deliveries = svgOf(page, 'Deliveries per second');
  expect(deliveries).toContain('>99,876</text>');
  expect(deliveries).toContain('channel, 1,000 listeners, 300 bytes: 398,765 at 400');
  expect(deliveries).toContain('published per second');
  expect(svgOf(page, 'Latency, ms')).toContain('p99: 78.9 at 400');
  expect(svgOf(page, 'CPU seconds per million deliveries')).toContain('all servers: 1.98 at 400');
  // Listeners and size are the same in both: no chart against them.
  expect(page.split('Deliveries per second')).toHaveLength(2);
});

test('what each layer took is told apart: a process, the kernel on its behalf, the client', () => {
  const layers = svgOf(reportPage(readResults(printed)), 'CPU seconds per million deliveries, by layer');
  expect(layers).toContain('channel, 1,000 listeners, 100/s, 300 bytes, node: 0.54');
  expect(layers).toContain('kernel for envoy: 2.16');
  expect(layers).toContain(', client: 1<');
  expect(layers).toContain('kernel for client: 0.25');
});

test("the peer's numbers stand beside, in the charts and in the tables", () => {
  const page = reportPage(
    readResults([printed, JSON.stringify({ ...run(400, 1, 2, 3), peer: { ...peer, rate_per_s: 60_001 } })].join('\n')),
  );
  expect(svgOf(page, 'Deliveries per second')).toContain(
    'socket.io, channel, 1,000 listeners, 300 bytes: 51,234 at 100',
  );
  expect(page).toContain('<td>rate_per_s</td><td>99,876</td><td>51,234</td>');
});

test('a name cannot become markup', () => {
  expect(lineChart({ title: '<b>', xLabel: 'x', series: [{ name: 'a&b', points: [{ x: 1, y: 1 }] }] })).toContain(
    '&lt;b&gt;',
  );
});

test('axes end at a round number not below the highest value', () => {
  expect(ticks(398_765)).toEqual([0, 100_000, 200_000, 300_000, 400_000]);
  expect(ticks(4.3).at(-1)).toBe(5);
  expect(ticks(0)).toEqual([0, 1]);
  expect([shown(0.123_45), shown(45.67), shown(1234.5)]).toEqual(['0.123', '45.7', '1,235']);
});

test('a page is written of the results in files, and refused where there are none', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'parley-report-'));
  try {
    const [file, empty, out] = ['runs.txt', 'empty.txt', 'page.html'].map((name) => path.join(folder, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(file, printed);
    await writeFile(empty, 'nothing\n');
    expect(await writePage([file, '--out', out])).toBe(out);
    expect(await readFile(out, 'utf8')).toContain('398,765');
    for (const wrong of [[], [empty], [path.join(folder, 'missing')], [file, '--aut', out]]) {
      await expect(writePage(wrong)).rejects.toThrow(UsageError);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
