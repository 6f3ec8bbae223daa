// `npm run screens:web [-- FOLDER]`: takes the README's pictures of the web app, from the running app; default clients/app/screens.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { AppScene, line, openChat, openChatWith, say } from './support/app-scene.ts';

const folder = path.resolve(process.argv[2] ?? 'clients/app/screens');
mkdirSync(folder, { recursive: true });
const small = { width: 390, height: 844 } as const;
const large = { width: 1440, height: 720 } as const;

async function save(page: Page, name: string): Promise<void> {
  // Nothing is pointed at.
  await page.mouse.move(0, 0);
  await page.screenshot({ path: path.join(folder, `${name}.png`), animations: 'disabled', caret: 'hide' });
}

await using scene = await AppScene.start({ web: 'demo' });
const alice = await scene.person('Alice', large);
const bob = await scene.person('Bob', { ...small, dark: true });
await openChatWith(alice, 'bob');
await say(alice, 'Release party tonight 🎉 We start at seven: https://example.org/party');
await bob.locator('.item', { hasText: 'Alice' }).getByLabel('1 unread message').waitFor();
await save(bob, 'list-390');
await openChat(bob, 'Alice');
await say(bob, '太好了！I bring dumplings 🥟');
await line(alice, 'dumplings').hover();
await line(alice, 'dumplings').getByRole('button', { name: 'React', exact: true }).click();
await alice.getByRole('button', { name: 'React with ❤️' }).click();
await say(alice, 'There will be tea for everybody.');
await line(bob, 'There will be tea').waitFor();
await line(alice, 'There will be tea').getByRole('img', { name: 'Read' }).waitFor();
await save(bob, 'direct-390');
await bob.locator('#composer').pressSequentially('See you');
await alice.locator('.typing', { hasText: 'Bob is typing' }).waitFor();
await save(alice, 'direct-1440');
await openChat(alice, '#ubuntu');
await alice.getByRole('button', { name: 'Details' }).click();
await alice.locator('.person', { hasText: 'Alice (You)' }).waitFor();
await save(alice, 'group-1440');
const carol = await scene.person('Carol', { ...small, dark: true, path: '/live/demo:release-day' });
await carol.locator('.comment').nth(8).waitFor();
await save(carol, 'live-390');
const dora = await scene.person('小红', { ...small, locale: 'zh-CN' });
await dora.locator('.item', { hasText: '#ubuntu' }).click();
await dora.locator('article.line').nth(8).waitFor();
await save(dora, 'group-390');
