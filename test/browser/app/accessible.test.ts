import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AppScene, line, openChatWith, say } from '../support/app-scene.ts';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let scene: AppScene;
beforeAll(async () => {
  scene = await AppScene.start({ web: 'demo' });
});
afterAll(() => scene[Symbol.asyncDispose]());

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string | null;
    readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
  }[];
}

/** What axe finds serious or worse, with where. */
async function seriousIn(page: Page): Promise<string[]> {
  // By the debugger, past the page's policy of content.
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: axe });
  const { result } = await session.send('Runtime.evaluate', {
    expression: 'axe.run(document, {resultTypes: ["violations"]}).then((it) => JSON.stringify(it))',
    awaitPromise: true,
  });
  await session.detach();
  const { violations } = JSON.parse(String(result.value)) as AxeResults;
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary}`),
    );
}

test.each([
  ['light and large', { dark: false }],
  ['dark and small', { dark: true, width: 390, height: 844 }],
])('axe finds nothing serious on any screen, %s', async (name, options) => {
  const stranger = await scene.stranger(options);
  await stranger.getByPlaceholder('Alice').waitFor();
  expect(await seriousIn(stranger)).toEqual([]);

  const page = await scene.person(`Anna ${name}`, options);
  const isSmall = 'width' in options;
  if (isSmall) {
    await page.locator('.item', { hasText: '#ubuntu' }).waitFor();
    expect(await seriousIn(page)).toEqual([]);
    await page.locator('.item', { hasText: '#ubuntu' }).click();
  }
  await page.locator('article.line').first().waitFor();
  expect(await seriousIn(page)).toEqual([]);
  await page.getByRole('button', { name: 'Details' }).click();
  await page.locator('.person').first().waitFor();
  expect(await seriousIn(page)).toEqual([]);
  await page.locator('.details').getByRole('button', { name: 'Close' }).click();

  if (isSmall) await page.getByRole('button', { name: 'Back to the list' }).click();
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await page.locator('.people button').first().waitFor();
  expect(await seriousIn(page)).toEqual([]);
  await page.keyboard.press('Escape');

  await openChatWith(page, 'bob');
  await say(page, 'hello https://example.org 👍');
  await line(page, 'hello').hover();
  await line(page, 'hello').getByRole('button', { name: 'More' }).click({ force: true });
  await page.getByRole('menuitem', { name: 'Reply' }).waitFor();
  expect(await seriousIn(page)).toEqual([]);
  await page.keyboard.press('Escape');

  if (isSmall) await page.getByRole('button', { name: 'Back to the list' }).click();
  await page.locator('.item', { hasText: 'Release day' }).click();
  await page.locator('.comment').first().waitFor();
  expect(await seriousIn(page)).toEqual([]);
  if (isSmall) await page.getByRole('button', { name: 'Back to the list' }).click();
  await page.locator('.me').click();
  await page.getByRole('dialog').waitFor();
  expect(await seriousIn(page)).toEqual([]);
});

test('a message is found, opened, answered and sent with the keyboard alone', async () => {
  const page = await scene.person('Keyboard');
  await openChatWith(page, 'zoe');
  await say(page, 'first');
  await say(page, 'second');
  await line(page, 'second').getByRole('img', { name: 'Sent' }).waitFor();
  await page.locator('[role=list].scroller').focus();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  await page.getByRole('menu').waitFor();
  await page.keyboard.press('ArrowUp');
  expect(await page.evaluate(() => document.activeElement?.closest('.popover') !== null)).toBe(true);
  await page.keyboard.press('Escape');
  await page.keyboard.press('r');
  await page.getByText('Keyboard').last().waitFor();
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('composer');
  await page.keyboard.type('third');
  await page.keyboard.press('Enter');
  await line(page, 'third').locator('.quote', { hasText: 'first' }).waitFor();
});

test('the language is the reader’s: Chinese where the browser is Chinese, and by choice', async () => {
  const page = await scene.stranger({ locale: 'zh-CN' });
  await page.getByText('你的名字').waitFor();
  await page.getByPlaceholder('小明').fill('小红');
  await page.getByPlaceholder('小明').press('Enter');
  await page.getByText('聊天', { exact: true }).first().waitFor();
  await page.locator('.me', { hasText: '小红' }).click();
  await page.getByRole('radio', { name: 'English' }).check();
  await page.getByText('Chats', { exact: true }).waitFor();
  expect(await page.evaluate(() => document.documentElement.lang)).toBe('en');
});
