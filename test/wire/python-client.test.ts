// proto/README.md is enough to write a client from: test/wire/python/chat.py was, and here two of them talk through Envoy.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { ReceiptServiceService } from '#proto/parley/v1/receipt_service.ts';
import { type PythonStubs, pythonStubs } from '../interop/python-stubs.ts';
import { coldLimitMs } from '../interop/toolchain.ts';
import { People, type Person } from '../support/raw-people.ts';
import { needs } from '../support/skip.ts';
import { type ChatProcess, type Said, startChat } from './python/chat-process.ts';

test('the Python client has at most 100 lines of at most 120 characters', () => {
  const lines = readFileSync(path.join(import.meta.dirname, 'python/chat.py'), 'utf8')
    .trimEnd()
    .split('\n');
  expect(lines.length).toBeLessThanOrEqual(100);
  expect(lines.filter((line) => line.length > 120)).toEqual([]);
});

const welcome = (line: Said): boolean => line.welcome !== undefined;
const says =
  (text: string) =>
  (line: Said): boolean =>
    line.text === text;
const messages = (chat: ChatProcess): string[] =>
  chat.said
    .filter((line) => line.text !== undefined && line.text !== '')
    .map((line) => `${line.sequence} ${line.sender} ${line.text}`);

needs('python')('two Python clients', () => {
  let stubs: PythonStubs;
  let platform: Platform;
  let people: People;
  let alice: Person & { chat: ChatProcess };
  let bob: Person & { chat: ChatProcess };
  let thread = '';

  beforeAll(async () => {
    [stubs, platform] = await Promise.all([pythonStubs(), startPlatform()]);
    people = new People(platform);
    const enter = async (name: string): Promise<Person & { chat: ChatProcess }> => {
      const person = await people.person(name);
      return { ...person, chat: startChat(stubs, platform.gateway, person.token, `${name}-laptop`) };
    };
    [alice, bob] = await Promise.all([enter('alice'), enter('bob')]);
    await Promise.all([alice.chat.hears(welcome), bob.chat.hears(welcome)]);
    alice.chat.command('open', bob.id);
    thread = (await alice.chat.hears((line) => line.opened !== undefined)).opened ?? '';
  }, coldLimitMs);

  afterAll(async () => {
    for (const person of [alice, bob]) person?.chat[Symbol.dispose]();
    people?.[Symbol.dispose]();
    stubs?.remove();
    await platform?.stop();
  });

  test('hear each other, in the order of the sequences they are given', async () => {
    alice.chat.command('post', thread, 'hello bob');
    await bob.chat.hears(says('hello bob'));
    bob.chat.command('post', thread, 'hello alice, 你好');
    await alice.chat.hears(says('hello alice, 你好'));
    await bob.chat.hears(says('hello alice, 你好'));
    expect(messages(alice.chat)).toEqual(messages(bob.chat));
    expect(messages(bob.chat).map((line) => line.split(' ')[1])).toEqual([alice.id, bob.id]);
  });

  test('acknowledge what they hold: that is what makes a message delivered', async () => {
    const sequence = BigInt((await alice.chat.hears(says('hello bob'))).sequence ?? 0);
    await expect
      .poll(
        async () => {
          const request = { threadId: thread, pageSize: 0, pageToken: '' };
          const { receipts } = await alice.client.ask(ReceiptServiceService.listReceipts, request);
          return receipts.find((receipt) => receipt.userId === bob.id)?.deliveredSequence ?? 0n;
        },
        { timeout: 10_000 },
      )
      .toBeGreaterThanOrEqual(sequence);
  });

  test('resume after a broken stream, and have missed nothing', async () => {
    bob.chat.command('cut');
    for (const number of [1, 2, 3]) alice.chat.command('post', thread, `while you were away ${number}`);
    expect(await bob.chat.hears(welcome, 2)).toEqual({ welcome: bob.id, resumed: true });
    await bob.chat.hears(says('while you were away 3'));
    await alice.chat.hears(says('while you were away 3'));
    expect(messages(bob.chat)).toEqual(messages(alice.chat));
  });

  test('send what they wrote while their stream was broken, once', async () => {
    alice.chat.command('cut');
    for (const number of [1, 2, 3]) alice.chat.command('post', thread, `written offline ${number}`);
    await bob.chat.hears(says('written offline 3'));
    await alice.chat.hears(says('written offline 3'));
    expect(messages(bob.chat)).toEqual(messages(alice.chat));
    expect(new Set(messages(bob.chat)).size).toBe(messages(bob.chat).length);
  });

  test('go on by themselves when the node was killed and is back', async () => {
    const [node] = platform.nodes;
    await node?.kill('SIGKILL');
    alice.chat.command('post', thread, 'is anybody there?');
    await node?.start();
    await bob.chat.hears(says('is anybody there?'));
    await alice.chat.hears(says('is anybody there?'));
    expect(messages(bob.chat)).toEqual(messages(alice.chat));
  });
});
