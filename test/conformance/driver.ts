// Where devices stand and how a scenario reaches them: in this process on HTTP/2, or each in a page of its own in Chromium.
import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { NodeCarrier } from '../../clients/node/carrier.ts';
import { startBrowser } from '../browser/support/browser.ts';
import { buildSite, serveSite, type Site } from '../browser/support/site.ts';
import { Device, type Setting } from './device.ts';

/** A device of whatever carrier. */
export type Remote = Pick<Device, (typeof methods)[number]>;

/** Where a gateway is. */
export interface Place {
  /** host:port */
  readonly address: string;
  /** The file with its certificate; undefined = plain text. */
  readonly certificate: string | undefined;
}

/** A kind of carrier. */
export interface Driver extends AsyncDisposable {
  /** A device that has not begun. `token` is asked whenever it wants one. */
  device(place: Place, setting: Setting, token: () => Promise<string>): Promise<Remote>;
  /** The version of HTTP in which a device was last answered by the gateway: `h2` or `http/1.1`. */
  protocol(device: Remote): string;
}

const methods = [
  'start',
  'stop',
  'told',
  'reopen',
  'thread',
  'send',
  'ack',
  'read',
  'tick',
  'watch',
  'lose',
  'kept',
  'refusal',
  'threads',
  'speak',
  'signOut',
] as const;

/** The node SDK on HTTP/2. */
export class NativeDriver implements Driver {
  async device({ address, certificate }: Place, setting: Setting, token: () => Promise<string>): Promise<Remote> {
    const tls = certificate === undefined ? false : { ca: readFileSync(certificate) };
    return new Device(new NodeCarrier({ target: address, tls }), setting, token);
  }

  protocol(): string {
    // grpc-js speaks nothing else.
    return 'h2';
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** The web carrier in a real Chromium, on a page from another origin than the gateway's. */
export class WebDriver implements Driver {
  readonly #browser: Browser;
  readonly #pages: Site;
  readonly #protocols = new Map<Remote, string>();

  private constructor(browser: Browser, pages: Site) {
    this.#browser = browser;
    this.#pages = pages;
  }

  static async start(): Promise<WebDriver> {
    const files = await buildSite('test/conformance/page.ts');
    return new WebDriver(await startBrowser(), await serveSite(files));
  }

  async device({ address, certificate }: Place, setting: Setting, token: () => Promise<string>): Promise<Remote> {
    // A certificate of a test is nobody's; a context has storage and connections of its own.
    const context = await this.#browser.newContext({ ignoreHTTPSErrors: certificate !== undefined });
    const page = await context.newPage();
    await page.exposeFunction('tokenOfUser', token);
    await page.goto(this.#pages.origin);
    await page.waitForFunction(() => 'makeDevice' in globalThis);
    const origin = `${certificate === undefined ? 'http' : 'https'}://${address}`;
    await page.evaluate(([at, how]) => globalThis.makeDevice(at, how), [origin, setting] as const);
    const ask =
      (method: (typeof methods)[number]) =>
      async (...args: unknown[]) => {
        if (page.isClosed()) throw new Error('the page is closed');
        const answer = await page.evaluate(
          ([name, given]) => (globalThis.device[name] as (...all: unknown[]) => Promise<unknown>)(...given),
          [method, args] as const,
        );
        if (method === 'stop') await context.close();
        return answer;
      };
    const remote = Object.fromEntries(methods.map((method) => [method, ask(method)])) as unknown as Remote;
    // A page is not told the version that another origin spoke.
    const session = await context.newCDPSession(page);
    session.on('Network.responseReceived', ({ response }) => {
      if (response.url.includes('/parley.v1.')) this.#protocols.set(remote, response.protocol ?? '');
    });
    await session.send('Network.enable');
    return remote;
  }

  protocol(device: Remote): string {
    return this.#protocols.get(device) ?? '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
    await this.#pages[Symbol.asyncDispose]();
  }
}
