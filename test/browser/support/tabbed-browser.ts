// A Chromium as a person has it: tabs of one window, of which all but one are hidden, frozen when told, and slowed down. Playwright
// makes each page believe that it is in front, so this speaks the DevTools protocol itself.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { locateChromium } from '../../../platform/install/browsers.mjs';

interface Answer {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'];

export class TabbedBrowser implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #nextId = 1;

  private constructor(browser: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = browser;
    this.#profile = profile;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const answer = JSON.parse(String(data)) as Answer;
      if (answer.id !== undefined) this.#waiting.get(answer.id)?.(answer);
    });
  }

  static async start(...more: readonly string[]): Promise<TabbedBrowser> {
    const program = locateChromium();
    if (program === undefined) throw new Error('Chromium is not installed. Run: node platform/install.mjs --test');
    const profile = await mkdtemp(path.join(tmpdir(), 'parley-profile-'));
    const args = [...flags, ...more, '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'];
    const browser = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const address = await new Promise<string>((resolve, reject) => {
      let said = '';
      browser.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        const found = /ws:\/\/\S+/.exec(said)?.[0];
        if (found !== undefined) resolve(found);
      });
      browser.on('exit', () => reject(new Error(`Chromium ended: ${said}`)));
    });
    const socket = new WebSocket(address);
    await new Promise((resolve) => socket.addEventListener('open', resolve));
    return new TabbedBrowser(browser, profile, socket);
  }

  /** Says a command of the DevTools protocol. */
  async say<T>(method: string, params: object = {}, sessionId?: string): Promise<T> {
    const id = this.#nextId;
    this.#nextId += 1;
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method, params, sessionId }));
    });
    this.#waiting.delete(id);
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result as T;
  }

  /** Opens a tab; it is in front. */
  async open(url: string): Promise<Tab> {
    const { targetId } = await this.say<{ targetId: string }>('Target.createTarget', { url });
    const attach = { targetId, flatten: true };
    const { sessionId } = await this.say<{ sessionId: string }>('Target.attachToTarget', attach);
    const tab = new Tab(this, targetId, sessionId);
    await tab.show();
    return tab;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill();
    await ended;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

export class Tab {
  readonly #browser: TabbedBrowser;
  readonly #targetId: string;
  readonly #sessionId: string;

  constructor(browser: TabbedBrowser, targetId: string, sessionId: string) {
    this.#browser = browser;
    this.#targetId = targetId;
    this.#sessionId = sessionId;
  }

  say<T>(method: string, params: object = {}): Promise<T> {
    return this.#browser.say<T>(method, params, this.#sessionId);
  }

  /** Puts it in front: the one that was is hidden. */
  async show(): Promise<void> {
    await this.#browser.say('Target.activateTarget', { targetId: this.#targetId });
  }

  /** Runs an expression in the page; answers what it comes to, promises awaited. */
  async run<T>(expression: string): Promise<T> {
    const params = { expression, returnByValue: true, awaitPromise: true };
    const { result, exceptionDetails } = await this.say<{
      result: { value: T };
      exceptionDetails?: { exception?: { description?: string }; text: string };
    }>('Runtime.evaluate', params);
    if (exceptionDetails === undefined) return result.value;
    throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  }

  /** Waits until an expression holds; asks from here, because the timers of a hidden page are slow. */
  async until(expression: string): Promise<void> {
    const endMs = performance.now() + 50_000;
    while (!(await this.run<boolean>(`Boolean(${expression})`))) {
      if (performance.now() > endMs) throw new Error(`it never came to hold: ${expression}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
