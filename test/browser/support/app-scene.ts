// The web app as people have it: real Envoy, real Chromium, one person a browser context.
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { type Platform, type PlatformOptions, startPlatform } from '../../../platform/platform.ts';
import { startBrowser } from './browser.ts';

export interface PersonOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  readonly locale?: string;
  /** Things move; default: they ask for less of it, which makes a page quiet sooner. */
  readonly motion?: boolean;
  /** Default: the gateway's. */
  readonly origin?: string;
  /** Where to begin, as /t/g_…. */
  readonly path?: string;
  /** What is done to the profile before its page goes anywhere. */
  readonly prepare?: (context: BrowserContext) => Promise<void>;
}

/** A scene of people with the app open. What a page reports as wrong fails the test when the scene is left. */
export class AppScene implements AsyncDisposable {
  readonly platform: Platform;
  readonly browser: Browser;
  /** Errors of pages, and violations of their content security policy. */
  readonly complaints: string[] = [];

  private constructor(platform: Platform, browser: Browser) {
    this.platform = platform;
    this.browser = browser;
  }

  static async start(options: PlatformOptions = {}): Promise<AppScene> {
    const [platform, browser] = await Promise.all([startPlatform({ web: 'plain', ...options }), startBrowser()]);
    return new AppScene(platform, browser);
  }

  get origin(): string {
    return `http://${this.platform.gateway}`;
  }

  /** A page in a fresh profile, nobody signed in. */
  async stranger(options: PersonOptions = {}): Promise<Page> {
    const { width = 1280, height = 800, dark = false, locale = 'en-GB', origin = this.origin, path = '/' } = options;
    const reducedMotion = options.motion === true ? 'no-preference' : 'reduce';
    const context = await this.browser.newContext({
      viewport: { width, height },
      colorScheme: dark ? 'dark' : 'light',
      locale,
      reducedMotion,
    });
    context.setDefaultTimeout(15_000);
    await options.prepare?.(context);
    const page = await context.newPage();
    page.on('pageerror', (error) => this.complaints.push(String(error.stack)));
    page.on('console', (message) => {
      if (/Content Security Policy|Trusted Type/i.test(message.text())) this.complaints.push(message.text());
    });
    await page.goto(origin + path);
    return page;
  }

  /** Somebody who is signed in by a name. */
  async person(name: string, options: PersonOptions = {}): Promise<Page> {
    const page = await this.stranger({ ...options, path: `${options.path ?? '/'}?as=${encodeURIComponent(name)}` });
    await page
      .locator('.shell')
      .waitFor()
      .catch(async (error: unknown) => {
        throw new Error(`${name} did not get in: ${await page.locator('body').innerText()}`, { cause: error });
      });
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    await this.platform.stop();
    if (this.complaints.length > 0) throw new Error(`pages complained:\n${this.complaints.join('\n')}`);
  }
}

/** Opens the direct chat with somebody, as a person does; `name` is the user's id. */
export async function openChatWith(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await page.getByPlaceholder('Name of a person').fill(name);
  await page.keyboard.press('Enter');
  // Not that of the chat before.
  await page.locator(`#composer[aria-label="Message ${name}" i]`).waitFor();
}

export async function say(page: Page, text: string): Promise<void> {
  await page.locator('#composer').fill(text);
  await page.locator('#composer').press('Enter');
}

/** Opens a chat of the list. */
export async function openChat(page: Page, name: string): Promise<void> {
  await page.locator('.item', { hasText: name }).click();
  await page.locator('#composer').waitFor();
}

/** The newest message that has a text in it. */
export function line(page: Page, text: string): ReturnType<Page['locator']> {
  return page.locator('article.line', { hasText: text }).last();
}
