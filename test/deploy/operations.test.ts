import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { gatewaySettingsTable } from '../../gateway/settings.ts';
import { settingsTable } from '../../server/config.ts';
import { Metrics } from '../../server/telemetry/metrics.ts';
import { root } from '../interop/toolchain.ts';

const page = readFileSync(path.join(root, 'deploy/operations.md'), 'utf8');
const named = (pattern: RegExp): string[] => [...new Set(page.match(pattern))];

test('alerts name metrics that nodes have', async () => {
  const exposed = await new Metrics().registry.metrics();
  const metrics = named(/\b(parley|nodejs)_[a-z_0-9]+[a-z0-9]/g).filter((name) => name !== 'parley_try');
  expect(metrics.length).toBeGreaterThan(8);
  // A histogram is declared without the suffixes of its series.
  const missing = metrics.filter((name) => !exposed.includes(`# TYPE ${name.replace(/_bucket$/, '')} `));
  expect(missing).toEqual([]);
});

test('advice names settings that exist', () => {
  const tables = `${settingsTable()}\n${gatewaySettingsTable()}`;
  const settings = named(/\bPARLEY_[A-Z_]+[A-Z]/g);
  expect(settings.length).toBeGreaterThan(8);
  expect(settings.filter((name) => !tables.includes(`| ${name} |`))).toEqual([]);
});

test('every file that the page leads to is there', () => {
  const links = [...page.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
  expect(links.length).toBeGreaterThan(3);
  expect(links.filter((target) => !existsSync(path.join(root, 'deploy', target)))).toEqual([]);
});
