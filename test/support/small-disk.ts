import { spawnSync } from 'node:child_process';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A disk in memory that can be filled to the last byte. Needs the right to mount. */
export class SmallDisk implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(mebibytes: number): Promise<SmallDisk> {
    const folder = await mkdtemp(path.join(tmpdir(), 'parley-disk-'));
    run('mount', '-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', folder);
    return new SmallDisk(folder);
  }

  /** Leaves no room for anybody. */
  async fill(): Promise<void> {
    const handle = await open(this.#ballast, 'a');
    try {
      const chunk = Buffer.alloc(64 * 1024, 1);
      for (;;) await handle.appendFile(chunk);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      await handle.close();
    }
  }

  /** Gives back what `fill` took. */
  async free(): Promise<void> {
    await rm(this.#ballast, { force: true });
  }

  get #ballast(): string {
    return path.join(this.folder, 'ballast');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    run('umount', this.folder);
    await rm(this.folder, { recursive: true });
  }
}

function run(command: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} failed: ${error?.message ?? stderr}`);
}
