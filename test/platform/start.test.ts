import { existsSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../../platform/ports.ts';
import { until } from '../../platform/wait.ts';
import { isAlive, Launcher } from './support/launcher.ts';

test('it says where it listens, how to get a token and what to try, and stops cleanly on Ctrl-C', async () => {
  await using parley = await Launcher.ready();
  expect(parley.said).toContain(`Parley listens on 127.0.0.1:${parley.port}`);
  expect(parley.said).toContain(`in a browser http://127.0.0.1:${parley.port}/`);
  expect(parley.said).toContain('npm run token -- alice');
  expect(parley.said).toContain('npm run chat -- --as alice');
  expect(parley.said).toMatch(/services +127\.0\.0\.1:\d+ \(parley\.service\.v1\): npm run token -- --service crm/);
  expect(parley.said).toContain(`${parley.dataDir}/log`);
  expect(parley.said.trim().split('\n').length).toBeLessThan(16);
  const children = parley.children();
  expect(children.length).toBeGreaterThanOrEqual(2);

  parley.kill('SIGINT');
  expect(await parley.ended).toBe(0);
  expect(parley.said).toContain('parley: stopped');
  // A guard ends when its pipe does, which is a moment after the launcher.
  await until(() => !children.some(isAlive) || undefined, { what: 'the children to be gone', withinMs: 5_000 });
  expect(existsSync(path.join(parley.dataDir, 'start.json'))).toBe(false);
});

test('logs are JSON lines in the data folder, and the dev key there is for its owner only', async () => {
  await using parley = await Launcher.ready();
  const lines = readFileSync(path.join(parley.dataDir, 'log/n1.log'), 'utf8').trim().split('\n');
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(() => JSON.parse(line) as unknown).not.toThrow();
  expect(statSync(path.join(parley.dataDir, 'auth/dev-key.json')).mode & 0o077).toBe(0);
});

test('a port that is taken is named with who has it and how to choose another', async () => {
  const port = await freePort();
  const holder = createServer();
  await new Promise<void>((resolve) => void holder.listen(port, '127.0.0.1', resolve));
  try {
    await using parley = await Launcher.begin({ port });
    expect(await parley.ended).toBe(1);
    expect(parley.said).toContain(`127.0.0.1:${port} is taken by process ${process.pid} (`);
    expect(parley.said).toContain('npm start -- --port 8090');
  } finally {
    holder.close();
  }
});

test('a second start in the same folder is told about the first, and leaves it alone', async () => {
  await using first = await Launcher.ready();
  const second = await Launcher.begin({ dataDir: first.dataDir });
  expect(await second.ended).toBe(1);
  expect(second.said).toContain('Parley runs in this folder already: process');
  expect(second.said).toContain(`listening on 127.0.0.1:${first.port}`);
  expect(second.said).toContain('--data ./data2 --port 8090');
  expect(first.children().filter(isAlive).length).toBe(first.children().length);
});

test('a setting that the node refuses ends the start with the node’s words', async () => {
  await using parley = await Launcher.begin({ env: { PARLEY_MEMBER_CAP: 'many' } });
  expect(await parley.ended).toBe(1);
  expect(parley.said).toContain('PARLEY_MEMBER_CAP');
});

test('a certificate that is not there ends the start at once, with its name', async () => {
  await using parley = await Launcher.begin({
    env: { PARLEY_TLS_CERT: '/no/such.crt', PARLEY_TLS_KEY: '/no/such.key' },
  });
  expect(await parley.ended).toBe(1);
  expect(parley.said).toContain('/no/such.crt');
});
