import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Child, startChild } from '../../../platform/child.ts';
import { locateFirefox } from '../../../platform/install/browsers.mjs';
import { Bidi } from './bidi.ts';
import type { OpenPage, PageBrowser } from './page-browser.ts';
import { whenSaid } from './said.ts';

const stopGraceMs = 5_000;

/** What a function of a page gave. */
type Called =
  | { readonly type: 'success'; readonly result: { readonly value: string } }
  | { readonly type: 'exception'; readonly exceptionDetails: { readonly text: string } };

/** Firefox as it comes, driven over WebDriver BiDi; a page is in a user context of its own, and in a window, so that it is not hidden. */
export class Firefox implements PageBrowser {
  readonly #folder: string;
  readonly #child: Child;
  readonly #bidi: Bidi;

  private constructor(folder: string, child: Child, bidi: Bidi) {
    this.#folder = folder;
    this.#child = child;
    this.#bidi = bidi;
  }

  static async start(): Promise<Firefox> {
    const command = locateFirefox();
    if (command === undefined) throw new Error('Firefox is not installed.');
    const folder = await mkdtemp(path.join(tmpdir(), 'parley-firefox-'));
    const child = await startChild({
      name: 'Firefox',
      command,
      args: ['--headless', '--no-remote', '--profile', folder, '--remote-debugging-port', '0'],
      cwd: folder,
      env: { PATH: process.env['PATH'], HOME: folder },
    });
    try {
      return new Firefox(folder, child, await Bidi.open(await whenSaid(child, /WebDriver BiDi listening on (ws:\S+)/)));
    } catch (error) {
      await child.end('SIGKILL', 0);
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async open(url: string, anyCertificate: boolean): Promise<OpenPage> {
    const bidi = this.#bidi;
    const { userContext } = await bidi.command<{ userContext: string }>('browser.createUserContext', {
      acceptInsecureCerts: anyCertificate,
    });
    const { context } = await bidi.command<{ context: string }>('browsingContext.create', {
      type: 'window',
      userContext,
    });
    await bidi.command('browsingContext.navigate', { context, url, wait: 'complete' });
    return {
      async ask(text) {
        const called = await bidi.command<Called>('script.callFunction', {
          functionDeclaration: '(text) => globalThis.answer(text)',
          arguments: [{ type: 'string', value: text }],
          awaitPromise: true,
          target: { context },
        });
        if (called.type === 'exception') throw new Error(called.exceptionDetails.text);
        return called.result.value;
      },
      close: () => bidi.command('browser.removeUserContext', { userContext }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#bidi.close();
    await this.#child.end('SIGTERM', stopGraceMs);
    await rm(this.#folder, { recursive: true, force: true });
  }
}
