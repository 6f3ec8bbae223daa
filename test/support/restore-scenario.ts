// The commands `backup` and `restore` on the store of a platform that real clients use, as a function of where the store is.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test, vi } from 'vitest';
import { freePort } from '../../platform/ports.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { HoldingDevice } from './holding-device.ts';
import { unlimited } from './unlimited.ts';

const root = path.resolve(import.meta.dirname, '../..');
const within = { timeout: 60_000, interval: 50 };

export interface RestorablePlace {
  /** Settings of the node and of the commands. */
  readonly env: Readonly<Record<string, string>>;
  /** Options of the commands. */
  readonly args: readonly string[];
}

/** @param lose takes the store away from the folder of the platform, and says where the one after it is to be */
export function restoreScenario(
  first: (dataDir: string) => RestorablePlace,
  lose: (dataDir: string) => Promise<RestorablePlace>,
): void {
  test('clients whose store is taken back to a backup start over, and hold what it has and nothing else', async () => {
    const scratch = await mkdtemp(path.join(tmpdir(), 'parley-restore-'));
    const dataDir = path.join(scratch, 'data');
    const file = path.join(scratch, 'backup');
    const port = await freePort('127.0.0.1');
    let place = first(dataDir);
    let platform: Platform = await start(dataDir, port, place);
    const device = (user: string, id: string): HoldingDevice =>
      new HoldingDevice(platform.gateway, id, () => platform.token(user));
    const [alice, laptop, bob] = [device('alice', 'phone'), device('alice', 'laptop'), device('bob', 'phone')];
    const devices = [alice, laptop, bob];
    try {
      for (const one of devices) await one.start();
      const { threadId } = await alice.client.groups.create({ name: 'a group', memberIds: ['bob'] });
      const send = (from: HoldingDevice, text: string) => from.client.send(threadId, text, { clientMessageId: text });
      for (let at = 0; at < 20; at++) await send(at % 2 === 0 ? alice : bob, `before-${at}`);
      await vi.waitFor(() => devices.forEach((one) => expect(one.held(threadId)).toHaveLength(21)), within);

      // The node runs, and messages are sent, while the backup is made.
      let stop = false;
      const meanwhile = (async () => {
        for (let at = 0; !stop; at++) await send(bob, `meanwhile-${at}`);
      })();
      const saved = await command('server/backup.ts', ['--to', file, ...place.args], place.env);
      stop = true;
      await meanwhile;
      expect(saved).toMatch(/^backup: logs=\d+ entries=\d+ .*$/m);

      // Acknowledged, and then lost.
      let was = await send(alice, 'lost-0');
      for (let at = 1; at < 30; at++) was = await send(alice, `lost-${at}`);
      const { threadId: laterId } = await bob.client.threads.open('alice');
      await bob.client.send(laterId, 'a thread that will not be');
      await vi.waitFor(async () => {
        const truth = await alice.truth(threadId);
        for (const one of devices) expect(one.held(threadId)).toEqual(truth);
        for (const one of devices) expect(one.held(laterId).at(-1)?.[1]).toMatch(/a thread that will not be$/);
      }, within);

      await platform.stop();
      const pending = send(bob, 'while-it-was-down');
      place = await lose(dataDir);
      const restored = await command('server/restore.ts', ['--from', file, ...place.args], place.env);
      expect(restored).toMatch(/^restore: logs=\d+ entries=\d+ .*$/m);
      platform = await start(dataDir, port, place);
      for (const one of devices) {
        // Else they come by themselves, up to a minute later.
        one.client.reconnect();
        await one.client.ready();
      }

      const sent = await pending;
      expect(sent.epoch).toBeGreaterThan(was.epoch);
      await vi.waitFor(async () => {
        const truth = await alice.truth(threadId);
        expect(truth.map(([sequence]) => sequence)).toEqual(truth.map((_, at) => BigInt(at + 1)));
        for (const one of devices) expect(one.held(threadId)).toEqual(truth);
      }, within);
      const texts = alice.held(threadId).map(([, what]) => what.split(' ')[1]);
      for (let at = 0; at < 20; at++) expect(texts).toContain(`before-${at}`);
      expect(texts.filter((text) => text?.startsWith('lost-'))).toEqual([]);
      expect(sent.sequence).toBeLessThan(was.sequence);

      // The thread of after the backup is no more, for anybody.
      for (const one of devices) {
        expect(one.restarts.map((event) => event.threadId).toSorted()).toEqual([threadId, laterId].toSorted());
        expect(one.held(laterId)).toEqual([]);
        expect(one.client.items(laterId)).toEqual([]);
      }
      await expect(alice.client.send(laterId, 'to nobody')).rejects.toMatchObject({ reason: 'THREAD_NOT_FOUND' });

      // Retries: of what the backup has, of what it has not, and of that again.
      const old = await send(bob, 'before-1');
      expect([old.duplicate, old.sequence, old.epoch]).toEqual([true, 3n, sent.epoch]);
      const again = await send(alice, 'lost-1');
      expect([again.duplicate, again.sequence]).toEqual([false, sent.sequence + 1n]);
      const twice = await send(alice, 'lost-1');
      expect([twice.duplicate, twice.sequence]).toEqual([true, again.sequence]);
      for (let at = 0; at < 40; at++) {
        expect((await send(at % 2 === 0 ? alice : bob, `after-${at}`)).sequence).toBe(again.sequence + BigInt(at + 1));
      }
      await vi.waitFor(async () => {
        const truth = await bob.truth(threadId);
        for (const one of devices) expect(one.held(threadId)).toEqual(truth);
        const { receipts } = await alice.client.receipts.list(threadId, { pageSize: 10, pageToken: '' });
        const delivered = receipts.find(({ userId }) => userId === 'bob')?.deliveredSequence;
        expect(delivered).toBe(truth.at(-1)?.[0]);
      }, within);
    } finally {
      for (const one of devices) await one[Symbol.asyncDispose]();
      await platform.stop();
      await rm(scratch, { recursive: true, force: true });
    }
  }, 180_000);
}

function start(dataDir: string, port: number, place: RestorablePlace): Promise<Platform> {
  return startPlatform({ dataDir, port, env: { ...unlimited, PARLEY_DRAIN_S: '1', ...place.env } });
}

/** What it prints. Throws with its words when it fails. */
async function command(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'], ...env },
  });
  return stdout;
}
