// The terminal client, played by keys in a real terminal against a real platform. `clients/cli/screens.ts` keeps the
// screens for the README.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { ParleyClient } from '../../clients/core/client.ts';
import { textOf } from '../../clients/core/fold.ts';
import { widthOf } from '../../clients/cli/text.ts';
import { NodeCarrier } from '../../clients/node/carrier.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { needs } from '../support/skip.ts';
import { Tmux } from '../support/tmux.ts';
import { unlimited } from '../support/unlimited.ts';

const root = path.resolve(import.meta.dirname, '../..');
const messages = 450;

needs('tmux')('the terminal client', () => {
  let platform: Platform;
  let alice: Tmux;
  let bob: ParleyClient;
  let threadId: string;
  const heardByBob: string[] = [];

  beforeAll(async () => {
    platform = await startPlatform({ env: unlimited });
    bob = person('bob');
    bob.on('message', ({ message, added }) => {
      if (added && message.senderId === 'alice') heardByBob.push(textOf(message.content) ?? '');
    });
    await bob.start();
    await bob.ready();
    await bob.people.updateProfile({ displayName: 'Bob' });
    ({ threadId } = await bob.threads.open('alice'));
    const sent = [];
    for (let number = 1; number <= messages; number += 1) sent.push(bob.send(threadId, `line ${number} of many`));
    await Promise.all(sent);
    await bob.close();
    alice = await Tmux.start(command(), 80, 24);
  });

  afterAll(async () => {
    await alice[Symbol.asyncDispose]();
    await bob.close();
    await platform.stop();
  });

  function person(user: string): ParleyClient {
    return new ParleyClient({
      carrier: new NodeCarrier({ target: platform.gateway }),
      getToken: () => platform.token(user),
      deviceId: `${user}-phone`,
      outbox: { inFlightPerThread: 32 },
    });
  }

  function command(): string {
    const args = `--as alice --target ${platform.gateway} --data ${platform.dataDir} --no-colour`;
    return `cd ${root}; ${process.execPath} clients/cli/main.ts ${args}; echo left with $?; exec sh`;
  }

  async function keep(name: string): Promise<void> {
    const folder = process.env['PARLEY_SCREENS'];
    if (folder === undefined) return;
    await mkdir(folder, { recursive: true });
    await writeFile(path.join(folder, `${name}.txt`), `${await alice.text()}\n`);
  }

  test('lists threads with what is unread', async () => {
    const screen = await alice.see(/● live/u);
    expect(screen.split('\n')[0]).toMatch(/^ Parley · alice/u);
    await alice.see(/^ 1 . Bob +450 │/mu);
    await keep('list');
  });

  test('opens a thread at its newest message, and marks what is new', async () => {
    await alice.enter('/open bob');
    await alice.see(/#451 Bob: line 450 of many/u, /opening …/u);
    await alice.see(/^ 1 . Bob +│/mu);
    await keep('open');
  });

  test('pages back 200 messages and forward again', async () => {
    await alice.enter('/back 200');
    await alice.see(/200 older messages/u);
    // The first line on the screen was the 431st.
    await alice.see(/│ Bob\n.*line 231 of many/u, /line 450 of many/u);
    await keep('back');
    await alice.press('PageUp');
    await alice.see(/line 220 of many/u);
    for (let page = 0; page < 20; page += 1) await alice.press('PageDown');
    await alice.see(/line 450 of many/u);
    for (let page = 0; page < 40; page += 1) await alice.press('PageUp');
    await alice.see(/— the beginning —[\s\S]*line 1 of many/u);
    await alice.press('Escape');
    await alice.see(/line 450 of many/u);
  });

  test('shows a message sent, then delivered, then read', async () => {
    await alice.enter('are you there?');
    await alice.see(/you: are you there\? {2}✓$/mu);
    bob = person('bob');
    bob.on('message', ({ message, added }) => {
      if (added && message.senderId === 'alice') heardByBob.push(textOf(message.content) ?? '');
    });
    await bob.start();
    await bob.ready();
    await alice.see(/you: are you there\? {2}✓✓$/mu);
    await bob.subscribe(threadId);
    await vi.waitFor(() => expect(heardByBob).toEqual(['are you there?']));
    bob.markRead(threadId);
    await alice.see(/you: are you there\? {2}✓✓ read$/mu);
  });

  test('shows who is there and who types', async () => {
    await alice.see(/ 1 ● Bob/u);
    await alice.see(/ Bob · online/u);
    bob.typing(threadId, true);
    await alice.see(/Bob is typing…/u);
    await keep('typing');
    bob.typing(threadId, false);
    await alice.see(/● live/u, /is typing/u);
  });

  test('edits, reacts, answers and deletes', async () => {
    await alice.enter('/edit are you here?');
    await alice.see(/you: are you here\? {2}\(edited\)/u);
    await bob.messages.react(threadId, bob.held(threadId) - 1n, '👍');
    await alice.see(/\(edited\) 👍/u);
    await bob.send(threadId, 'yes');
    await alice.see(/Bob: yes/u);
    await alice.enter('/reply good');
    await alice.see(/↪ #\d+ Bob: yes/u);
    await alice.enter('/react 🎉');
    await alice.see(/Bob: yes {2}🎉\*/u);
    await alice.enter('to be gone');
    await alice.see(/you: to be gone {2}✓/u);
    await alice.enter('/delete');
    await alice.see(/you: \(deleted\)/u, /to be gone/u);
    await keep('edit-react-reply');
  });

  test('keeps its columns straight beside Chinese and emoji', async () => {
    await bob.send(threadId, '你好，世界！今天天气很好，我们去公园吧👍🏽，一起吃饺子 🥟 然后喝茶。再见，明天见');
    await alice.see(/你好，世界/u);
    for (const row of (await alice.rows()).slice(1, 22)) {
      const [list = ''] = row.split('│');
      expect(row).toContain('│');
      expect(widthOf(list)).toBe(22);
      expect(widthOf(row)).toBeLessThanOrEqual(80);
    }
    await alice.enter('我很好，谢谢');
    await alice.see(/you: 我很好，谢谢/u);
    await vi.waitFor(() => expect(heardByBob).toContain('我很好，谢谢'));
    await keep('chinese');
  });

  test('sends a paste of 2 KiB as one message', async () => {
    const pasted = Array.from({ length: 40 }, (_, index) => `paste ${index} ${'x'.repeat(43)}`)
      .join('\n')
      .slice(0, 2048)
      .padEnd(2048, '.');
    const before = heardByBob.length;
    await alice.paste(pasted);
    await alice.see(/paste 38/u);
    expect(heardByBob).toHaveLength(before);
    await alice.press('Enter');
    await vi.waitFor(() => expect(heardByBob).toHaveLength(before + 1), 20_000);
    expect(heardByBob.at(-1)).toBe(pasted);
    await alice.see(/✓✓/u);
  });

  test('makes a group, says who is in it, and hears it', async () => {
    await alice.enter('/group tea bob carol');
    await alice.see(/ tea · 3 members/u, /opening …/u);
    await alice.enter('tea at five?');
    await vi.waitFor(() => expect(heardByBob).toContain('tea at five?'), 20_000);
    await alice.see(/tea at five\? {2}✓ 1\/2/u);
    await alice.enter('/members');
    await alice.see(/alice · owner · online[\s\S]*Bob \(bob\) · member · online[\s\S]*carol · member/u);
    await keep('members');
    await alice.press('Escape');
    await alice.enter('/add dave');
    await alice.see(/alice added dave/u);
    await keep('group');
    await alice.press('Tab');
    await alice.see(/ Bob · online/u);
  });

  test('is honest while the node is gone, and sends what was written then', async () => {
    const [node] = platform.nodes;
    await node?.kill('SIGKILL');
    await alice.see(/○ offline, next try in|◌ connecting/u, /● live/u);
    await alice.enter('written in the dark');
    await alice.see(/you: written in the dark {2}…/u);
    await keep('offline');
    await node?.start();
    // Enter does not wait for the next try.
    await alice.press('Enter');
    await alice.see(/● live/u);
    await alice.see(/you: written in the dark {2}✓/u);
    await vi.waitFor(() => expect(heardByBob).toContain('written in the dark'), 20_000);
    expect(heardByBob.filter((text) => text === 'written in the dark')).toHaveLength(1);
    await keep('back-online');
  });

  test('takes the size that the terminal gets', async () => {
    await alice.resize(120, 40);
    const wide = await alice.see(/● live/u);
    await vi.waitFor(async () => expect((await alice.rows()).map((row) => row.indexOf('│'))).toContain(22));
    expect(wide.split('\n')).toHaveLength(40);
    await vi.waitFor(async () => expect(widthOf((await alice.rows())[0] ?? '')).toBe(119));
    await alice.resize(50, 15);
    await vi.waitFor(async () => {
      const rows = await alice.rows();
      expect(rows).toHaveLength(15);
      expect(rows.join('')).not.toContain('│');
      expect(rows[0]).toMatch(/Parley · alice +● live/u);
    });
    await keep('narrow');
    await alice.resize(80, 24);
    await alice.see(/^ 1 .+│/mu);
  });

  test('leaves the terminal as it found it', async () => {
    expect(await alice.variable('alternate_on')).toBe('1');
    await alice.enter('/quit');
    await alice.see(/left with 0/u);
    expect(await alice.variable('alternate_on')).toBe('0');
    await alice.enter('stty -a; echo typed');
    await alice.see(/ icanon [\s\S]* echo [\s\S]*typed/u, / -echo /u);
  });

  test('leaves it so too when it fails', async () => {
    await alice.press('C-l');
    await alice.enter(`cd ${root}; ${process.execPath} test/support/crash-at-terminal.ts; stty -a`);
    await alice.see(/^taken/u);
    await alice.type('x');
    await alice.see(/Error: a bug[\s\S]* icanon [\s\S]* echo /u, / -echo /u);
    expect(await alice.variable('alternate_on')).toBe('0');
  });

  test('leaves it so too when it is killed by a signal', async () => {
    await alice.press('C-l');
    await alice.enter(`cd ${root}; ${command()}`);
    await alice.see(/● live/u);
    const pid = await childOf(Number(await alice.variable('pane_pid')));
    process.kill(pid, 'SIGTERM');
    await alice.see(/left with 0/u);
    expect(await alice.variable('alternate_on')).toBe('0');
  });
});

/** The node process below a shell. */
async function childOf(pid: number): Promise<number> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
  return Number(children[0]);
}
