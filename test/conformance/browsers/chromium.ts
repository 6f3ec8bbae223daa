import type { Browser } from 'playwright-core';
import { startBrowser } from '../../browser/support/browser.ts';
import type { OpenPage, PageBrowser } from './page-browser.ts';

/** Chromium, driven by playwright; a page is in a context of its own. */
export class Chromium implements PageBrowser {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async start(): Promise<Chromium> {
    return new Chromium(await startBrowser());
  }

  async open(url: string, anyCertificate: boolean): Promise<OpenPage> {
    const context = await this.#browser.newContext({ ignoreHTTPSErrors: anyCertificate });
    const page = await context.newPage();
    await page.goto(url);
    return {
      ask: (text) => page.evaluate((said) => globalThis.answer(said), text),
      close: () => context.close(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}
