import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { builtWebApp } from '../../../platform/web-app.ts';

const mostBytes = 150 * 1024;

test('the first load is at most 150 KiB gzipped', () => {
  const folder = builtWebApp();
  const files = globSync('**/*.{html,js,css,svg,webmanifest}', { cwd: folder });
  expect(files.some((name) => name.endsWith('.js')) && files.includes('index.html')).toBe(true);
  const bytes = files.reduce(
    (sum, name) => sum + gzipSync(readFileSync(path.join(folder, name)), { level: 9 }).length,
    0,
  );
  expect(bytes).toBeLessThan(mostBytes);
  // Each of them stands beside its compressed forms.
  const script = files.find((name) => name.endsWith('.js')) ?? '';
  expect(globSync(`${script}.{br,gz}`, { cwd: folder }).length).toBe(2);
});
