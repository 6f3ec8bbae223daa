// Charts as SVG that need nothing but a browser.

export interface Series {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
  readonly isDashed?: boolean;
}

export interface LineChart {
  readonly title: string;
  readonly xLabel: string;
  readonly series: readonly Series[];
}

export interface BarChart {
  readonly title: string;
  /** Each with a value per part, stacked. */
  readonly bars: readonly { readonly name: string; readonly parts: { readonly [part: string]: number } }[];
}

const colors = [
  '#1f77b4',
  '#d62728',
  '#2ca02c',
  '#9467bd',
  '#ff7f0e',
  '#17becf',
  '#8c564b',
  '#7f7f7f',
  '#e377c2',
  '#bcbd22',
  '#00338d',
  '#8b0000',
];
const plot = { left: 70, top: 34, width: 470, height: 240 };
const rowPx = 16;

export function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** Three digits, as 1.23 or 456,000. */
export function shown(value: number): string {
  if (Math.abs(value) < 100) return String(Number(value.toPrecision(3)));
  return Math.round(value).toLocaleString('en-US');
}

/** Lines from 0 on both axes; the numbers stand at the points, and come up with the name of the line at the mouse. */
export function lineChart({ title, xLabel, series }: LineChart): string {
  const all = series.flatMap(({ points }) => points);
  const xs = ticks(Math.max(...all.map(({ x }) => x)));
  const ys = ticks(Math.max(...all.map(({ y }) => y)));
  const atX = (x: number): number => at(plot.left + (x / (xs.at(-1) ?? 1)) * plot.width);
  const atY = (y: number): number => at(plot.top + plot.height - (y / (ys.at(-1) ?? 1)) * plot.height);
  const bottom = plot.top + plot.height;
  const grid = [
    ...ys.map(
      (y) => line(plot.left, atY(y), plot.left + plot.width, atY(y)) + text(plot.left - 6, atY(y) + 4, shown(y), 'end'),
    ),
    ...xs.map((x) => line(atX(x), plot.top, atX(x), bottom) + text(atX(x), bottom + 16, shown(x), 'middle')),
    text(plot.left + plot.width / 2, bottom + 34, xLabel, 'middle'),
  ];
  const lines = series.map(({ name, points, isDashed }, index) => {
    const color = colorOf(index);
    const sorted = points.toSorted((a, b) => a.x - b.x);
    const path = sorted.map(({ x, y }) => `${atX(x)},${atY(y)}`).join(' ');
    const dots = sorted.map(
      ({ x, y }) =>
        `<circle cx="${atX(x)}" cy="${atY(y)}" r="3.5" fill="${color}"><title>${escaped(`${name}: ${shown(y)} at ${shown(x)}`)}</title></circle>` +
        text(atX(x), atY(y) - 7, shown(y), 'middle', color),
    );
    const dash = isDashed === true ? ' stroke-dasharray="5 4"' : '';
    return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"${dash}/>${dots.join('')}`;
  });
  const names = series.map(({ name }) => name);
  return svg(title, bottom + 44 + names.length * rowPx, [...grid, ...lines, legend(names, bottom + 56)]);
}

/** Stacked bars, one below the other. */
export function barChart({ title, bars }: BarChart): string {
  const names = [...new Set(bars.flatMap(({ parts }) => Object.keys(parts)))];
  const sum = (parts: { readonly [part: string]: number }): number => Object.values(parts).reduce((a, b) => a + b, 0);
  const xs = ticks(Math.max(...bars.map(({ parts }) => sum(parts))));
  const scale = plot.width / (xs.at(-1) ?? 1);
  const barPx = 34;
  const bottom = plot.top + bars.length * barPx;
  const drawn = bars.map(({ name, parts }, row) => {
    const y = plot.top + row * barPx + rowPx;
    let x = plot.left;
    const pieces = Object.entries(parts).map(([part, value]) => {
      const piece = `<rect x="${at(x)}" y="${y}" width="${at(value * scale)}" height="14" fill="${colorOf(names.indexOf(part))}"><title>${escaped(`${name}, ${part}: ${shown(value)}`)}</title></rect>`;
      x += value * scale;
      return piece;
    });
    return text(plot.left, y - 4, `${name}: ${shown(sum(parts))}`, 'start') + pieces.join('');
  });
  const grid = xs.map((x) => {
    const px = at(plot.left + x * scale);
    return line(px, plot.top, px, bottom) + text(px, bottom + 16, shown(x), 'middle');
  });
  return svg(title, bottom + 26 + names.length * rowPx, [...grid, ...drawn, legend(names, bottom + 38)]);
}

function svg(title: string, height: number, parts: readonly string[]): string {
  const width = plot.left + plot.width + 30;
  const heading = `<text x="${plot.left}" y="18" font-weight="bold">${escaped(title)}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="11">${heading}${parts.join('')}</svg>`;
}

function legend(names: readonly string[], top: number): string {
  return names
    .map((name, index) => {
      const y = top + index * rowPx;
      return `<rect x="${plot.left}" y="${y - 9}" width="10" height="10" fill="${colorOf(index)}"/>${text(plot.left + 16, y, name, 'start')}`;
    })
    .join('');
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="#ddd"/>`;
}

function text(x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end', color = '#333'): string {
  return `<text x="${at(x)}" y="${at(y)}" text-anchor="${anchor}" fill="${color}">${escaped(words)}</text>`;
}

function colorOf(index: number): string {
  return colors[index % colors.length] ?? '#000';
}

function at(px: number): number {
  return Number(px.toFixed(1));
}

/** 0 to a round number not below `most`, in steps of 1, 2 or 5. */
export function ticks(most: number): number[] {
  if (!(most > 0) || !Number.isFinite(most)) return [0, 1];
  const rough = most / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}
