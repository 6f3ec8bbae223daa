// The React hooks in a real Chromium, in strict mode and through changes of who is there.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { startBrowser } from './support/browser.ts';
import { buildSite, serveSite, type Site } from './support/site.ts';

let platform: Platform;
let browser: Browser;
let site: Site;
let page: Page;
let listens: number;

beforeAll(async () => {
  const [started, files] = await Promise.all([startPlatform(), buildSite('test/browser/support/hooks-page.ts')]);
  platform = started;
  [browser, site] = await Promise.all([startBrowser(), serveSite(files, { gateway: platform.gateway })]);
});
afterAll(async () => {
  await browser.close();
  await site[Symbol.asyncDispose]();
  await platform.stop();
});
beforeEach(async () => {
  page = await (await browser.newContext()).newPage();
  listens = 0;
  page.on('request', (request) => {
    if (request.url().endsWith('/Listen') && request.method() === 'POST') listens += 1;
  });
  const [alice, bob] = [await platform.token('alice'), await platform.token('bob')];
  await page.goto(`${site.origin}/?gateway=${platform.gateway}&alice=${alice}&bob=${bob}`);
  await page.waitForFunction(() => window.rendered.at(-1) === 'alice live');
});

test('a component that is mounted twice at once, as strict mode does, opens one session', () => {
  expect(listens).toBe(1);
});

test('who comes back before the other was there is never given what was closed', async () => {
  await page.evaluate(async () => {
    window.rendered = [];
    window.become('bob');
    while (!window.rendered.includes('none')) await new Promise((resolve) => setTimeout(resolve, 0));
    window.become('alice');
  });
  await page.waitForFunction(() => window.rendered.at(-1) === 'alice live');
  expect(await page.evaluate(() => window.rendered.filter((was) => was.endsWith('closed')))).toEqual([]);
});
