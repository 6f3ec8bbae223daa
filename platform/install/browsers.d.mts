/** Path of the Chromium to run; undefined when there is none. Throws when CHROMIUM_BIN is unfit. */
export function locateChromium(): string | undefined;

/** Path of the Firefox to run; undefined when there is none. Throws when FIREFOX_BIN is unfit. */
export function locateFirefox(): string | undefined;

export interface WebKitPrograms {
  /** WebKitWebDriver. */
  readonly driver: string;
  /** Xvfb. */
  readonly screen: string;
}

/** Paths of what runs WebKitGTK; undefined when one is missing. Throws when WEBKIT_DRIVER_BIN is unfit. */
export function locateWebKit(): WebKitPrograms | undefined;
