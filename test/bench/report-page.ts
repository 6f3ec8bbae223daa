// Results of runs as one page: what a run took and gave, against rate, listeners and size.
import { barChart, escaped, lineChart, type Series, shown } from './chart.ts';
import { flat, type Report } from './report.ts';

/** Settings that a chart may have along its x axis. */
const axes = { rate: 'published per second', listeners: 'listeners', size_bytes: 'bytes of a comment' } as const;
type Axis = keyof typeof axes;

const measures: readonly { readonly title: string; readonly of: { readonly [name: string]: string } }[] = [
  { title: 'Deliveries per second', of: { '': 'rate_per_s' } },
  { title: 'Latency, ms', of: { p50: 'p50_ms', p99: 'p99_ms' } },
  {
    title: 'CPU seconds per million deliveries',
    of: { 'all servers': 'cpu_s_per_million.total', node: 'cpu_s_per_million.node', Envoy: 'cpu_s_per_million.envoy' },
  },
];

/** One side of a run: Parley's, or that of the peer with the same settings. */
interface Side {
  readonly settings: Report;
  readonly values: { readonly [name: string]: number };
  /** Such as `socket.io, `. */
  readonly prefix: string;
}

/** The JSON objects that a bench printed, among whatever else it said. @throws SyntaxError when a line is cut off */
export function readResults(text: string): Report[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Report)
    .filter((result) => typeof result['bench'] === 'string');
}

/** A page that needs nothing but a browser. */
export function reportPage(results: readonly Report[]): string {
  const fanouts = results.filter(({ bench }) => bench === 'channel' || bench === 'fanout');
  const sides = fanouts.flatMap(sidesOf);
  const charts = (Object.keys(axes) as Axis[]).flatMap((axis) => chartsAgainst(axis, sides));
  const layers = sides.length === 0 ? '' : layersOf(sides);
  const sections = [
    ...charts.map((chart) => `<figure>${chart}</figure>`),
    ...(layers === '' ? [] : [`<figure>${layers}</figure>`]),
    '<h2>All numbers</h2>',
    ...results.map((result) => `<h3>${escaped(nameOf(result))}</h3>${numbersOf(result)}`),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Parley, measured</title>
<style>body{font-family:sans-serif;margin:2em;color:#222}figure{display:inline-block;vertical-align:top;margin:0 1em 1em 0}
table{border-collapse:collapse;font-size:13px}td,th{padding:1px 10px;border-bottom:1px solid #eee;text-align:right}td:first-child{text-align:left}</style>
</head><body><h1>Parley, measured</h1>
<p>Kernel time of loopback TCP is counted to whoever sends. How it was measured: test/bench/README.md.</p>
${sections.join('\n')}
</body></html>
`;
}

function sidesOf(result: Report): Side[] {
  const { peer, ratio_to_peer: _, ...own } = result;
  const ours: Side = { settings: result, values: flat(own), prefix: '' };
  if (typeof peer !== 'object') return [ours];
  // Tables of the peer's lie in its own table.
  return [ours, { settings: result, values: flat(peer as Report), prefix: 'socket.io, ' }];
}

function nameOf(result: Report, without?: Axis): string {
  const { bench, listeners, rate, size_bytes: size, class: kind, nodes, slow_readers: slow } = result;
  const parts = [
    bench as string,
    listeners !== undefined && without !== 'listeners' && `${shown(listeners as number)} listeners`,
    rate !== undefined && without !== 'rate' && `${shown(rate as number)}/s`,
    size !== undefined && without !== 'size_bytes' && `${size as number} bytes`,
    kind !== undefined && kind !== 'everything' && (kind as string),
    nodes !== undefined && `${nodes as number} nodes`,
    Number(slow ?? 0) > 0 && `${Math.round(Number(slow) * 100)} % read slowly`,
    result['direct'] === true && 'without Envoy',
  ];
  return parts.filter((part) => typeof part === 'string').join(', ');
}

/** Nothing where no setting but this one varies. */
function chartsAgainst(axis: Axis, sides: readonly Side[]): string[] {
  const groups = Object.entries(Object.groupBy(sides, ({ settings, prefix }) => prefix + nameOf(settings, axis))).map(
    ([name, group]) => ({ name, group: group ?? [] }),
  );
  const varying = groups.filter(({ group }) => new Set(group.map(({ settings }) => settings[axis])).size > 1);
  if (varying.length === 0) return [];
  return measures.flatMap(({ title, of }) => {
    const series: Series[] = varying.flatMap(({ name, group }) =>
      Object.entries(of).map(([what, value]) => ({
        name: what === '' ? name : `${name}: ${what}`,
        isDashed: name.startsWith('socket.io'),
        points: group.flatMap(({ settings, values }) => {
          const y = values[value];
          return y === undefined ? [] : [{ x: Number(settings[axis]), y }];
        }),
      })),
    );
    const drawn = series.filter(({ points }) => points.length > 0);
    return drawn.length === 0 ? [] : [lineChart({ title, xLabel: axes[axis], series: drawn })];
  });
}

/** Where the CPU of a million deliveries goes: each process's own, the kernel's on its behalf, the client's. */
function layersOf(sides: readonly Side[]): string {
  const bars = sides.map(({ settings, values, prefix }) => {
    const own = Object.entries(values)
      .filter(([name]) => name.startsWith('cpu_s_per_million.') && !name.endsWith('.total'))
      .flatMap(([name, all]) => {
        const process = name.slice('cpu_s_per_million.'.length);
        const kernel = values[`kernel_s_per_million.${process}`] ?? 0;
        return [[process, all - kernel] as const, [`kernel for ${process}`, kernel] as const];
      });
    const client = values['generator_s_per_million'] ?? 0;
    const kernel = values['kernel_s_per_million.generator'] ?? 0;
    const clients = [['client', client - kernel] as const, ['kernel for client', kernel] as const];
    return { name: prefix + nameOf(settings), parts: Object.fromEntries([...own, ...clients]) };
  });
  return barChart({ title: 'CPU seconds per million deliveries, by layer', bars });
}

function numbersOf(result: Report): string {
  const { peer, ratio_to_peer: _, ...own } = result;
  const [ours, theirs] = [flat(own), typeof peer === 'object' ? flat(peer as Report) : undefined];
  const rows = Object.entries(ours).map(([name, value]) => {
    const beside = theirs === undefined ? '' : `<td>${theirs[name] === undefined ? '–' : shown(theirs[name])}</td>`;
    return `<tr><td>${escaped(name)}</td><td>${shown(value)}</td>${beside}</tr>`;
  });
  const head = theirs === undefined ? '' : '<tr><th></th><th>Parley</th><th>socket.io</th></tr>';
  return `<table>${head}${rows.join('')}</table>`;
}
