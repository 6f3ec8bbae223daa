import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { Draft, DraftStore } from '../core/draft.ts';
import { draftOfJson, jsonOfDraft } from './draft-json.ts';

/** The file is written anew when it has this many lines of drafts that are gone. */
const mostGone = 1000;

interface Waiting {
  readonly line: string;
  /** The draft that a put is for. */
  readonly key: string | undefined;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Drafts in a file of lines: `{"put": draft}` and `{"remove": [thread, id]}`. A put is on disk (fsync) when it resolves;
 * puts that come while one is written go together in the next write. A last line that was cut off by a crash was never
 * promised and is dropped. One process at a time per file.
 */
export class FileDraftStore implements DraftStore {
  readonly #file: string;
  #handle: FileHandle | undefined;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;
  readonly #drafts = new Map<string, Draft>();
  #gone = 0;

  /** `file`: is made with its folder when there is none. */
  constructor(file: string) {
    this.#file = file;
  }

  async load(): Promise<Draft[]> {
    await mkdir(path.dirname(this.#file), { recursive: true });
    for (const line of await lines(this.#file)) {
      const { put, remove } = JSON.parse(line) as { put?: unknown; remove?: [string, string] };
      if (put !== undefined) {
        const draft = draftOfJson(put);
        this.#drafts.set(keyOf(draft.threadId, draft.clientMessageId), draft);
      }
      if (remove !== undefined) this.#drafts.delete(keyOf(...remove));
    }
    await this.#rewrite();
    return [...this.#drafts.values()];
  }

  put(draft: Draft): Promise<void> {
    const key = keyOf(draft.threadId, draft.clientMessageId);
    this.#drafts.set(key, draft);
    return this.#append(JSON.stringify({ put: jsonOfDraft(draft) }), key);
  }

  remove(threadId: string, clientMessageId: string): Promise<void> {
    this.#drafts.delete(keyOf(threadId, clientMessageId));
    this.#gone += 1;
    return this.#append(JSON.stringify({ remove: [threadId, clientMessageId] }), undefined);
  }

  /** Waits for what is being written and lets go of the file. */
  async close(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    await this.#handle?.close();
    this.#handle = undefined;
  }

  #append(line: string, key: string | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line, key, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        if (this.#gone >= mostGone || this.#handle === undefined) await this.#rewrite();
        else {
          await this.#handle.appendFile(batch.map(({ line }) => `${line}\n`).join(''));
          await this.#handle.datasync();
        }
        for (const { resolve } of batch) resolve();
      } catch (error) {
        // What the file has now is not known: the next write begins it anew.
        await this.#handle?.close().catch(() => undefined);
        this.#handle = undefined;
        for (const { key, reject } of batch) {
          // Not promised: it must not come back with the next write.
          if (key !== undefined) this.#drafts.delete(key);
          reject(error);
        }
      }
    }
    // In the same breath as the last look at `waiting`: what comes after it begins a new one.
    this.#writing = undefined;
  }

  /** Writes what is there to a new file and puts it in the old one's place, in one step. */
  async #rewrite(): Promise<void> {
    const next = `${this.#file}.new`;
    const handle = await open(next, 'w', 0o600);
    try {
      const text = [...this.#drafts.values()].map((draft) => `${JSON.stringify({ put: jsonOfDraft(draft) })}\n`);
      await handle.writeFile(text.join(''));
      await handle.datasync();
      await rename(next, this.#file);
      await syncFolder(path.dirname(this.#file));
    } catch (error) {
      await handle.close();
      await rm(next, { force: true });
      throw error;
    }
    await this.#handle?.close();
    this.#handle = handle;
    this.#gone = 0;
  }
}

/** Whole lines of a file; none when there is no file. */
async function lines(file: string): Promise<string[]> {
  try {
    const text = await readFile(file, 'utf8');
    return text.split('\n').slice(0, -1);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Without this a rename may be lost with the power. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function keyOf(threadId: string, clientMessageId: string): string {
  return `${threadId} ${clientMessageId}`;
}
