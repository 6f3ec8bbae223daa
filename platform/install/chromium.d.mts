/** Path of the Chromium to run; undefined when there is none. Throws when CHROMIUM_BIN is unfit. */
export function locateChromium(): string | undefined;
