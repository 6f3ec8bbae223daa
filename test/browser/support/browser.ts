// A real Chromium for tests, with a fresh profile each time it is started.
import { type Browser, chromium } from 'playwright-core';
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
  const executablePath = locateChromium();
  if (executablePath === undefined) throw new Error('Chromium is not installed. Run: node platform/install.mjs --test');
  return chromium.launch({ executablePath, args: flags, chromiumSandbox: false });
}
