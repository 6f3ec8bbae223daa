import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Child, startChild } from '../../../platform/child.ts';
import { locateWebKit, type WebKitPrograms } from '../../../platform/install/browsers.mjs';
import { freePort } from '../../../platform/ports.ts';
import { until } from '../../../platform/wait.ts';
import type { OpenPage, PageBrowser } from './page-browser.ts';
import { whenSaid } from './said.ts';

const startWithinMs = 30_000;
const stopGraceMs = 5_000;

/**
 * WebKitGTK's own small browser, driven over WebDriver, on a display that nobody sees. Its windows share connections, and a driver has
 * one browser at a time: a page is a driver with a browser of its own.
 */
export class WebKit implements PageBrowser {
  readonly #folder: string;
  readonly #programs: WebKitPrograms;
  readonly #screen: Child;
  readonly #display: string;
  readonly #drivers = new Set<Child>();

  private constructor(folder: string, programs: WebKitPrograms, screen: Child, display: string) {
    this.#folder = folder;
    this.#programs = programs;
    this.#screen = screen;
    this.#display = display;
  }

  static async start(): Promise<WebKit> {
    const programs = locateWebKit();
    if (programs === undefined) throw new Error('WebKitWebDriver or Xvfb is not installed.');
    const folder = await mkdtemp(path.join(tmpdir(), 'parley-webkit-'));
    const args = ['-displayfd', '1', '-screen', '0', '1024x768x24', '-nolisten', 'tcp'];
    const screen = await startChild({ ...of(folder), name: 'Xvfb', command: programs.screen, args });
    try {
      // It writes the number of its display and nothing else.
      const display = await whenSaid(screen, /^(\d+)$/);
      return new WebKit(folder, programs, screen, `:${display}`);
    } catch (error) {
      await screen.end('SIGKILL', 0);
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async open(url: string, anyCertificate: boolean): Promise<OpenPage> {
    const port = await freePort();
    const driver = await startChild({
      ...of(this.#folder, this.#display),
      name: 'WebKitWebDriver',
      command: this.#programs.driver,
      args: [`--port=${port}`],
    });
    const at = `http://127.0.0.1:${port}`;
    this.#drivers.add(driver);
    const close = async (): Promise<void> => {
      await driver.end('SIGTERM', stopGraceMs);
      this.#drivers.delete(driver);
    };
    try {
      const isUp = async (): Promise<true | undefined> =>
        (await fetch(`${at}/status`).catch(() => undefined))?.ok || undefined;
      await until(isUp, { what: 'WebKitWebDriver to listen', withinMs: startWithinMs });
      const capabilities = { alwaysMatch: { acceptInsecureCerts: anyCertificate } };
      const { sessionId } = await command<{ sessionId: string }>('POST', `${at}/session`, { capabilities });
      const session = `${at}/session/${sessionId}`;
      await command('POST', `${session}/url`, { url });
      const script = 'const [text, done] = arguments; globalThis.answer(text).then(done);';
      return {
        ask: (text) => command<string>('POST', `${session}/execute/async`, { script, args: [text] }),
        async close() {
          try {
            // It ends the browser.
            await command('DELETE', session);
          } finally {
            await close();
          }
        },
      };
    } catch (error) {
      await close();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Without a screen a browser ends.
    await Promise.all([this.#screen, ...this.#drivers].map((child) => child.end('SIGTERM', stopGraceMs)));
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Where a program of it runs: with nothing of whoever runs the suite. */
function of(folder: string, display?: string): { cwd: string; env: NodeJS.ProcessEnv } {
  return {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, DISPLAY: display, GSETTINGS_BACKEND: 'memory' },
  };
}

/** One command of WebDriver. https://www.w3.org/TR/webdriver2/ */
async function command<T>(method: 'POST' | 'DELETE', url: string, params?: object): Promise<T> {
  const answer = await fetch(url, { method, ...(params === undefined ? {} : { body: JSON.stringify(params) }) });
  const { value } = (await answer.json()) as { value: T & { error?: string; message?: string } };
  if (!answer.ok) throw new Error(`WebKit: ${value.error ?? ''}: ${value.message ?? ''}`);
  return value;
}
