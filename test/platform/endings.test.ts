import { expect, test } from 'vitest';
import { isAlive, Launcher } from './support/launcher.ts';

test('when the node dies, its end and last lines are told and everything stops', async () => {
  await using parley = await Launcher.ready();
  const children = parley.children();
  const node = parley.child('server/main.ts');
  process.kill(node, 'SIGKILL');
  expect(await parley.ended).toBe(1);
  expect(parley.said).toContain(`node n1 (process ${node}) ended by SIGKILL`);
  expect(parley.said).toContain('/log/n1.log');
  expect(children.filter(isAlive)).toEqual([]);
});

test('when Envoy dies, that is told too, and the node drains', async () => {
  await using parley = await Launcher.ready();
  const children = parley.children();
  process.kill(parley.child('envoy.yaml'), 'SIGKILL');
  expect(await parley.ended).toBe(1);
  expect(parley.said).toContain('ended by SIGKILL');
  expect(children.filter(isAlive)).toEqual([]);
});

test('when the launcher is killed, no process is left', async () => {
  await using parley = await Launcher.ready();
  const children = parley.children();
  expect(children.filter(isAlive).length).toBe(children.length);
  parley.kill('SIGKILL');
  await parley.ended;
  await expect.poll(() => children.filter(isAlive), { timeout: 5000 }).toEqual([]);
});

test('after a killed launcher the next start finds nothing in its way', async () => {
  const first = await Launcher.ready();
  const children = first.children();
  first.kill('SIGKILL');
  await first.ended;
  await expect.poll(() => children.filter(isAlive), { timeout: 5000 }).toEqual([]);
  await using second = await Launcher.ready({ dataDir: first.dataDir, port: first.port });
  expect(second.said).toContain('Parley listens on');
});

test('a second Ctrl-C does not wait for a node that hangs', async () => {
  await using parley = await Launcher.ready();
  const children = parley.children();
  process.kill(parley.child('server/main.ts'), 'SIGSTOP');
  parley.kill('SIGINT');
  await parley.hears('stopping');
  // The echo of the first, which npm passes on, must not count as a second wish; half a second later it does.
  await expect
    .poll(
      () => {
        parley.kill('SIGINT');
        return parley.said;
      },
      { timeout: 10_000, interval: 300 },
    )
    .toContain('forced to stop');
  expect(await parley.ended).toBe(1);
  await expect.poll(() => children.filter(isAlive), { timeout: 5000 }).toEqual([]);
});
