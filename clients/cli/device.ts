import { existsSync } from 'node:fs';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** A place of this terminal among those of its user: a device of its own, with its own drafts. */
export interface TerminalDevice {
  readonly deviceId: string;
  readonly folder: string;
  /** Lets another process have it. */
  release(): Promise<void>;
  /** It was signed out: its drafts go, and nobody takes the place again. */
  signedOut(): Promise<void>;
}

const mostTerminals = 50;

/**
 * Takes the first place that no running process has and that was not signed out. So a user may sit at several terminals, each is a device, and one
 * that was killed is taken up again with its drafts.
 */
export async function takeDevice(dataFolder: string, user: string): Promise<TerminalDevice> {
  for (let number = 1; number <= mostTerminals; number += 1) {
    const deviceId = `terminal-${number}`;
    const folder = path.join(dataFolder, 'chat', encodeURIComponent(user), deviceId);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const lock = path.join(folder, 'pid');
    const mark = path.join(folder, 'signed-out');
    if (existsSync(mark) || !(await lockFile(lock))) continue;
    return {
      deviceId,
      folder,
      release: () => rm(lock, { force: true }),
      async signedOut() {
        await writeFile(mark, '');
        await rm(path.join(folder, 'drafts'), { recursive: true, force: true });
      },
    };
  }
  throw new Error(`${user} has ${mostTerminals} terminals that are open or were signed out: close one`);
}

async function lockFile(lock: string): Promise<boolean> {
  for (let tries = 0; tries < 2; tries += 1) {
    try {
      const handle = await open(lock, 'wx', 0o600);
      await handle.writeFile(String(process.pid));
      await handle.close();
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const pid = Number(await readFile(lock, 'utf8').catch(() => ''));
      if (pid > 0 && isAlive(pid)) return false;
      await rm(lock, { force: true });
    }
  }
  return false;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Of another user: alive.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
