// One installer at a time in a checkout: `npm start` and `npm test` on a fresh clone may begin together.
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cacheDir, say } from './run.mjs';

const lockFile = path.join(cacheDir, 'installing.pid');

/** Waits for the lock and takes it. A lock whose holder is dead is taken over. */
export async function holdInstallLock() {
  mkdirSync(cacheDir, { recursive: true });
  // Linked into place with its content, so that no reader ever sees a lock without a holder.
  const draft = `${lockFile}.${process.pid}`;
  writeFileSync(draft, String(process.pid));
  try {
    await takeLock(draft);
  } finally {
    rmSync(draft, { force: true });
  }
  return { release: () => rmSync(lockFile, { force: true }) };
}

async function takeLock(draft) {
  for (let told = false; ;) {
    try {
      linkSync(draft, lockFile);
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = holderPid();
    if (holder === undefined) continue;
    if (!isAlive(holder)) {
      rmSync(lockFile, { force: true });
      continue;
    }
    if (!told) say(`process ${holder} is installing; waiting for it`);
    told = true;
    await delay(200);
  }
}

function holderPid() {
  try {
    return Number(readFileSync(lockFile, 'utf8'));
  } catch {
    return undefined;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
