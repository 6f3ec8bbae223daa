// Parley, a browser, and tabs that run the SDK.
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { type Platform, startPlatform } from '../../../platform/platform.ts';
import { startBrowser } from './browser.ts';
import { buildSite, serveSite, type Site } from './site.ts';

export interface TabOptions {
  /** Runs before the page's own script. */
  readonly before?: () => void;
  /** Each tab has a session of its own. */
  readonly alone?: boolean;
  /** Whose token it has. Default: the user's. */
  readonly tokenOf?: string;
}

export class SdkWorld implements AsyncDisposable {
  readonly platform: Platform;
  readonly browser: Browser;
  readonly site: Site;

  private constructor(platform: Platform, browser: Browser, site: Site) {
    this.platform = platform;
    this.browser = browser;
    this.site = site;
  }

  static async start(): Promise<SdkWorld> {
    const [platform, files] = await Promise.all([startPlatform(), buildSite('test/browser/support/sdk-page.ts')]);
    const [browser, site] = await Promise.all([startBrowser(), serveSite(files, { gateway: platform.gateway })]);
    return new SdkWorld(platform, browser, site);
  }

  /** A tab of a user in which Parley is open. */
  async open(context: BrowserContext, user: string, options: TabOptions = {}): Promise<Page> {
    const page = await context.newPage();
    if (options.before !== undefined) await page.addInitScript(options.before);
    const token = await this.platform.token(options.tokenOf ?? user);
    const alone = options.alone === true ? '&alone' : '';
    await page.goto(`${this.site.origin}/?user=${user}&gateway=${this.platform.gateway}&token=${token}${alone}`);
    await opened(page);
    return page;
  }

  /** The same, with its session live. */
  async live(context: BrowserContext, user: string, options: TabOptions = {}): Promise<Page> {
    const page = await this.open(context, user, options);
    await ready(page);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    await this.site[Symbol.asyncDispose]();
    await this.platform.stop();
  }
}

/** Parley is open in the page; fails with why it is not. */
export async function opened(page: Page): Promise<void> {
  await page.waitForFunction(() => window.parley !== undefined || window.failure !== undefined);
  const failure = await page.evaluate(() => window.failure);
  if (failure !== undefined) throw new Error(failure);
}

export function ready(page: Page): Promise<void> {
  return page.evaluate(() => window.parley.client.ready());
}

/** Opens the direct thread with a peer, and puts it on screen. */
export async function lookAt(page: Page, peer: string): Promise<string> {
  const threadId = await page.evaluate(async (id) => (await window.parley.client.threads.open(id)).threadId, peer);
  await look(page, threadId);
  return threadId;
}

export function look(page: Page, threadId: string): Promise<void> {
  return page.evaluate((id) => window.look(id), threadId);
}

/** Sends, and waits until it is durable. */
export function send(page: Page, threadId: string, text: string): Promise<void> {
  return page.evaluate(
    async (what) => {
      await window.parley.client.send(what.threadId, what.text);
    },
    { threadId, text },
  );
}

/** Waits until the page shows a line that ends so. */
export async function shows(page: Page, threadId: string, text: string): Promise<void> {
  await page.waitForFunction(
    (what) => window.lines(what.threadId).some((line) => line.endsWith(` ${what.text}`) && !line.startsWith('…')),
    { threadId, text },
  );
}

/** Texts on screen, without their places. */
export async function texts(page: Page, threadId: string): Promise<string[]> {
  const lines = await page.evaluate((id) => window.lines(id), threadId);
  return lines.map((line) => line.slice(line.indexOf(' ') + 1));
}

export function role(page: Page): Promise<string> {
  return page.evaluate(() => window.parley.role.get());
}
