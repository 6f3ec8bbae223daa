// Which pages may call, and what reaches a page of another origin than the gateway's.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { needs } from '../support/skip.ts';
import { startBrowser } from './support/browser.ts';
import { buildSite, serveSite, type Site } from './support/site.ts';

needs('chromium')('a page of another origin', () => {
  let platform: Platform;
  let browser: Browser;
  let pages: Site;
  beforeAll(async () => {
    platform = await startPlatform({ webOrigins: ['http://localhost:*'] });
    browser = await startBrowser();
    pages = await serveSite(await buildSite('test/conformance/page.ts'));
  });
  afterAll(async () => {
    await pages[Symbol.asyncDispose]();
    await browser.close();
    await platform.stop();
  });

  /** A page at an origin, with a device that shows this token. */
  async function pageAt(origin: string, token: string): Promise<Page> {
    const page = await browser.newPage();
    await page.exposeFunction('tokenOfUser', () => token);
    await page.goto(origin);
    await page.waitForFunction(() => 'makeDevice' in globalThis);
    await page.evaluate(
      (address) => globalThis.makeDevice(address, { user: 'alice', deviceId: 'page' }),
      `http://${platform.gateway}`,
    );
    return page;
  }

  const speak = (page: Page): Promise<unknown> => page.evaluate(() => globalThis.device.speak('a b', undefined));
  const refusal = (page: Page): Promise<unknown> => page.evaluate(() => globalThis.device.refusal('no-thread'));

  test('that is allowed is told the reason of a refusal, of a call and of a stream, by the node and by the gateway', async () => {
    const page = await pageAt(pages.origin, await platform.token('alice'));
    expect(await refusal(page)).toMatchObject({ reason: 'THREAD_NOT_FOUND', code: 5 });
    const ended = { reason: 'INVALID_FIELD', fields: ['hello.device_id'] };
    expect(await speak(page)).toMatchObject({ goodbye: { reconnect: false }, ended });
    const stranger = await pageAt(pages.origin, 'no token at all');
    expect(await refusal(stranger)).toMatchObject({ reason: 'TOKEN_INVALID', code: 16 });
    expect(await speak(stranger)).toMatchObject({ frames: [], ended: { reason: 'TOKEN_INVALID', code: 16 } });
  });

  test('that is not allowed gets nothing, and is told no more than that the connection failed', async () => {
    const page = await pageAt(pages.origin.replace('localhost', '127.0.0.1'), await platform.token('alice'));
    expect(await speak(page)).toMatchObject({ frames: [], ended: { reason: 'NO_REASON', code: 14 } });
  });
});
