import { locateFirefox, locateWebKit } from '../../../platform/install/browsers.mjs';
import { isSkipped } from '../../support/skip.ts';
import type { BrowserCarrier, CarrierName } from '../carriers.ts';
import { Chromium } from './chromium.ts';
import { Firefox } from './firefox.ts';
import type { PageBrowser } from './page-browser.ts';
import { WebKit } from './webkit.ts';

const starts: Readonly<Record<BrowserCarrier, () => Promise<PageBrowser>>> = {
  web: () => Chromium.start(),
  firefox: () => Firefox.start(),
  webkit: () => WebKit.start(),
};

/** Those that the suite does without: whether they are here, and the Debian packages with them. */
const spare = [
  { name: 'firefox', locate: locateFirefox, packages: 'firefox-esr' },
  { name: 'webkit', locate: locateWebKit, packages: 'webkit2gtk-driver xvfb' },
] as const;

export function startBrowserOf(name: BrowserCarrier): Promise<PageBrowser> {
  return starts[name]();
}

/** Carriers that cannot be run here, with the reason. */
export function absentHere(): Partial<Record<CarrierName, string>> {
  const absent: Partial<Record<CarrierName, string>> = {};
  for (const { name, locate, packages } of spare) {
    if (isSkipped(name)) absent[name] = 'PARLEY_SKIP names it';
    else if (locate() === undefined) absent[name] = `not installed; apt-get install ${packages}`;
  }
  return absent;
}
