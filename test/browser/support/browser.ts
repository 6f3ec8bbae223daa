// A real Chromium for tests, with a fresh profile each time it is started.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';
import { locateChromium } from '../../../platform/install/browsers.mjs';

/** What keeps it quiet: nothing is fetched, updated or synchronised behind a test's back. */
const flags = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts one. Contexts of it share nothing but the process: each has its own storage and its own connections. */
export async function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: program(), args: flags, chromiumSandbox: false });
}

/** Does something in one whose user lets no site keep anything: cookies, databases, locks and all else of that kind are refused. */
export async function inBrowserThatKeepsNothing(act: (context: BrowserContext) => Promise<void>): Promise<void> {
  const profile = await mkdtemp(path.join(tmpdir(), 'parley-profile-'));
  try {
    await mkdir(path.join(profile, 'Default'));
    const preferences = { profile: { default_content_setting_values: { cookies: 2 } } };
    await writeFile(path.join(profile, 'Default/Preferences'), JSON.stringify(preferences));
    const options = { executablePath: program(), args: flags, chromiumSandbox: false };
    const context = await chromium.launchPersistentContext(profile, options);
    try {
      await act(context);
    } finally {
      await context.close();
    }
  } finally {
    await rm(profile, { recursive: true, force: true });
  }
}

function program(): string {
  const found = locateChromium();
  if (found === undefined) throw new Error('Chromium is not installed. Run: node platform/install.mjs --test');
  return found;
}
