// The terminal client without a terminal: lines in, lines out, as scripts use it.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { DeviceServiceService } from '#proto/parley/v1/device_service.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { RawClient } from '../support/raw-client.ts';

const root = path.resolve(import.meta.dirname, '../..');
const main = path.join(root, 'clients/cli/main.ts');
const within = { timeout: 20_000, interval: 20 };

/** A running client: its lines as they come. */
class Lines implements AsyncDisposable {
  readonly out: string[] = [];
  readonly err: string[] = [];
  readonly ended: Promise<number | null>;
  readonly #child;

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(process.execPath, [main, ...args], { env: { ...process.env, ...env } });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.out.push(line));
    createInterface({ input: this.#child.stderr }).on('line', (line) => this.err.push(line));
    this.ended = new Promise((resolve) => this.#child.once('close', resolve));
  }

  say(...lines: string[]): void {
    this.#child.stdin.write(lines.map((line) => `${line}\n`).join(''));
  }

  end(): void {
    this.#child.stdin.end();
  }

  async see(wanted: RegExp): Promise<void> {
    await vi.waitFor(() => expect(this.out.join('\n')).toMatch(wanted), within);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}

describe('the client in lines', () => {
  let platform: Platform;

  beforeAll(async () => {
    platform = await startPlatform();
  });
  afterAll(() => platform.stop());

  const as = (user: string): string[] => ['--as', user, '--target', platform.gateway, '--data', platform.dataDir];

  test('sends, hears, and tells what becomes of a message', async () => {
    await using bob = new Lines(as('bob'));
    await bob.see(/● live/u);
    await using alice = new Lines(as('alice'));
    await alice.see(/● live/u);
    bob.say('/open alice', 'are you there?');
    await bob.see(/^\[alice\] #2 ✓ are you there\?$/mu);
    await alice.see(/^\[bob\] #2 bob: are you there\?$/mu);
    alice.say('/open bob', 'yes', '/react 👍');
    await bob.see(/^\[alice\] #3 alice: yes$/mu);
    await bob.see(/^\[alice\] #2 is now: are you there\? {2}👍$/mu);
    await bob.see(/^\[alice\] #2 ✓✓ read$/mu);
    bob.say('/nonsense', '/quit');
    expect(await bob.ended).toBe(0);
    expect(bob.out).toContain('! there is no /nonsense: /help lists what there is');
    expect(bob.err).toEqual([]);
    await using again = new Lines(as('bob'));
    again.say('/open alice', '/back 10', '/quit');
    expect(await again.ended).toBe(0);
    expect(again.out).toContain('[alice] #2 you: are you there?  👍');
    expect(again.out).toContain('[alice] #3 alice: yes');
  });

  test('leaves only when everything in its input is sent', async () => {
    await using carol = new Lines(as('carol'));
    carol.say('/open dave', ...Array.from({ length: 50 }, (_, index) => `line ${index}`));
    carol.end();
    expect(await carol.ended).toBe(0);
    const sent = carol.out.filter((line) => line.startsWith('[dave] #'));
    expect(sent.map((line) => line.split('✓ ')[1])).toEqual(Array.from({ length: 50 }, (_, index) => `line ${index}`));
  });

  test('gives each of two terminals of a user a device of its own', async () => {
    await using one = new Lines(as('erin'));
    await one.see(/● live/u);
    await using two = new Lines(as('erin'));
    await two.see(/● live/u);
    one.say('/open frank', 'from the first');
    await two.see(/^\[frank\] \* erin began this thread$/mu);
    await vi.waitFor(() => expect(one.out.at(-1)).toContain('from the first'), within);
    expect(one.out.join('\n')).not.toContain('elsewhere');
  });

  test('says that its device was signed out, and takes another place from then on', async () => {
    await using mallory = new Lines(as('mallory'));
    await mallory.see(/● live/u);
    const owner = new RawClient(platform.gateway, await platform.token('mallory'));
    const { devices } = await owner.ask(DeviceServiceService.listDevices, { pageSize: 0, pageToken: '' });
    const [{ deviceId } = { deviceId: '' }] = devices;
    await owner.ask(DeviceServiceService.removeDevice, { deviceId });
    await mallory.see(/✕ closed: signed out/u);
    mallory.end();
    await mallory.ended;
    await using again = new Lines(as('mallory'));
    await again.see(/● live/u);
    const { devices: now } = await owner.ask(DeviceServiceService.listDevices, { pageSize: 0, pageToken: '' });
    expect([deviceId, now.map((one) => one.deviceId)]).toEqual(['terminal-1', ['terminal-2']]);
    owner[Symbol.dispose]();
  });

  test('says in words what is wrong with its arguments, its token or its target', async () => {
    const wrong = new Lines([]);
    expect(await wrong.ended).toBe(1);
    expect(wrong.err.join('\n')).toMatch(/say who you are: --as USER[\s\S]*usage:/u);
    await using refused = new Lines([...as('gina'), '--token', 'no.token.atall']);
    await refused.see(/closed: the token is refused/u);
    expect(await refused.ended).toBe(1);
    await using nowhere = new Lines(['--as', 'gina', '--target', '127.0.0.1:9', '--data', platform.dataDir]);
    await nowhere.see(/○ offline, next try in \d+ s \(127\.0\.0\.1:\d+\)/u);
  });
});
