import { locateChromium, locateFirefox, locateWebKit } from '../../../platform/install/browsers.mjs';
import { isSkipped } from '../../support/skip.ts';
import { type BrowserCarrier, type CarrierName, carrierNames } from '../carriers.ts';
import { Chromium } from './chromium.ts';
import { Firefox } from './firefox.ts';
import type { PageBrowser } from './page-browser.ts';
import { WebKit } from './webkit.ts';

interface BrowserEntry {
  readonly start: () => Promise<PageBrowser>;
  readonly isInstalled: () => boolean;
  /** Debian packages with it. */
  readonly packages: string;
}

const browsers: Readonly<Record<BrowserCarrier, BrowserEntry>> = {
  web: { start: () => Chromium.start(), isInstalled: () => locateChromium() !== undefined, packages: 'chromium' },
  firefox: { start: () => Firefox.start(), isInstalled: () => locateFirefox() !== undefined, packages: 'firefox-esr' },
  webkit: {
    start: () => WebKit.start(),
    isInstalled: () => locateWebKit() !== undefined,
    packages: 'webkit2gtk-driver xvfb',
  },
};

export function startBrowserOf(name: BrowserCarrier): Promise<PageBrowser> {
  return browsers[name].start();
}

/** Carriers that cannot be run here, with the reason. */
export function absentHere(): Partial<Record<CarrierName, string>> {
  const absent: Partial<Record<CarrierName, string>> = {};
  for (const name of carrierNames) {
    if (name === 'native') continue;
    const { isInstalled, packages } = browsers[name];
    if (isSkipped(name)) absent[name] = 'PARLEY_SKIP names it';
    else if (!isInstalled()) absent[name] = `not installed; apt-get install ${packages}`;
  }
  return absent;
}
