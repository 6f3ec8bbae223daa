// A session of WebDriver BiDi: commands and their results as JSON on a WebSocket. https://w3c.github.io/webdriver-bidi/
import { once } from 'node:events';

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

interface Said {
  readonly type: 'success' | 'error' | 'event';
  readonly id?: number;
  readonly result?: never;
  readonly error?: string;
  readonly message?: string;
}

export class Bidi {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  #asked = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#hear(JSON.parse(String(data)) as Said));
    socket.addEventListener('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the browser has closed its session'));
      this.#waiting.clear();
    });
  }

  /** Opens a session at an address as `ws://127.0.0.1:1234`. */
  static async open(address: string): Promise<Bidi> {
    const socket = new WebSocket(`${address}/session`);
    await once(socket, 'open');
    const bidi = new Bidi(socket);
    await bidi.command('session.new', { capabilities: {} });
    return bidi;
  }

  /** Resolves with the command's result; rejects with what the browser says against it. */
  command<T>(method: string, params: Readonly<Record<string, unknown>>): Promise<T> {
    if (this.#socket.readyState !== WebSocket.OPEN) throw new Error('the browser has closed its session');
    const id = (this.#asked += 1);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise<T>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  close(): void {
    this.#socket.close();
  }

  #hear({ type, id = 0, result, error, message }: Said): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (type === 'success') waiting?.resolve(result as never);
    else waiting?.reject(new Error(`${error ?? ''}: ${message ?? ''}`));
  }
}
