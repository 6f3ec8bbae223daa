// Where devices stand and how a scenario reaches them: in this process on HTTP/2, or each in a page of its own in a browser.
import { readFileSync } from 'node:fs';
import { NodeCarrier } from '../../clients/node/carrier.ts';
import { buildSite, serveSite } from '../browser/support/site.ts';
import type { PageBrowser } from './browsers/page-browser.ts';
import { Device, type Setting } from './device.ts';
import { type Answered, type Asked, asText, fromText, methods, type Remote } from './remote.ts';

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
}

/** The node SDK on HTTP/2. */
export class NativeDriver implements Driver {
  async device({ address, certificate }: Place, setting: Setting, token: () => Promise<string>): Promise<Remote> {
    const tls = certificate === undefined ? false : { ca: readFileSync(certificate) };
    return new Device(new NodeCarrier({ target: address, tls }), setting, token);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** The web carrier in a real browser, on a page from another origin than the gateway's. */
export class PageDriver implements Driver {
  readonly #made: AsyncDisposableStack;
  readonly #browser: PageBrowser;
  readonly #origin: string;
  readonly #tokens: Map<string, () => Promise<string>>;

  private constructor(
    made: AsyncDisposableStack,
    browser: PageBrowser,
    origin: string,
    tokens: Map<string, () => Promise<string>>,
  ) {
    this.#made = made;
    this.#browser = browser;
    this.#origin = origin;
    this.#tokens = tokens;
  }

  /** Ends the browser when it is disposed of. `host`: of the pages' origin. Leaves nothing when it throws. */
  static async start(
    launch: () => Promise<PageBrowser>,
    host: 'localhost' | '127.0.0.1' = 'localhost',
  ): Promise<PageDriver> {
    await using made = new AsyncDisposableStack();
    const tokens = new Map<string, () => Promise<string>>();
    const files = await buildSite('test/conformance/page.ts');
    const pages = made.use(await serveSite(files, { answer: (path) => tokens.get(path)?.() }));
    const browser = made.use(await launch());
    return new PageDriver(made.move(), browser, pages.origin.replace('localhost', host), tokens);
  }

  async device({ address, certificate }: Place, setting: Setting, token: () => Promise<string>): Promise<Remote> {
    const tokenPath = `token/${this.#tokens.size}`;
    this.#tokens.set(tokenPath, token);
    const page = await this.#browser.open(this.#origin, certificate !== undefined);
    let isOpen = true;
    const ask = async (asked: Asked): Promise<unknown> => {
      if (!isOpen) throw new Error('the page is closed');
      const answered = fromText<Answered>(await page.ask(asText(asked)));
      if ('error' in answered) throw new Error(answered.error);
      return answered.value;
    };
    await ask({
      make: { address: `${certificate === undefined ? 'http' : 'https'}://${address}`, setting, tokenPath },
    });
    const remote = Object.fromEntries(
      methods.map((method) => [method, (...args: readonly unknown[]) => ask({ method, args })]),
    );
    const stop = async (): Promise<void> => {
      try {
        await ask({ method: 'stop', args: [] });
      } finally {
        if (isOpen) await page.close();
        isOpen = false;
      }
    };
    return { ...remote, stop } as unknown as Remote;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#made.disposeAsync();
  }
}
