// Browsers for the tests: those that are chosen, or what the system has.
import { isExecutable, onPath, Refusal } from './run.mjs';

/** Path of the Chromium to run: CHROMIUM_BIN, else one on PATH; undefined when there is none. Throws a Refusal for an unfit CHROMIUM_BIN. */
export function locateChromium() {
  return chosen('CHROMIUM_BIN') ?? firstOnPath('chromium', 'chromium-browser', 'google-chrome');
}

/** Path of the Firefox to run: FIREFOX_BIN, else one on PATH; undefined when there is none. Throws a Refusal for an unfit FIREFOX_BIN. */
export function locateFirefox() {
  return chosen('FIREFOX_BIN') ?? firstOnPath('firefox-esr', 'firefox');
}

/**
 * Paths of WebKitGTK's driver, WEBKIT_DRIVER_BIN or the one on PATH, and of the display that its browser is shown on; undefined
 * when one is missing. Throws a Refusal for an unfit WEBKIT_DRIVER_BIN.
 */
export function locateWebKit() {
  const driver = chosen('WEBKIT_DRIVER_BIN') ?? onPath('WebKitWebDriver');
  const screen = onPath('Xvfb');
  return driver && screen ? { driver, screen } : undefined;
}

function chosen(variable) {
  const file = process.env[variable];
  if (!file) return undefined;
  if (isExecutable(file)) return file;
  throw new Refusal(`${variable}=${file} is not an executable file.`, `Correct or unset ${variable}.`);
}

function firstOnPath(...names) {
  return names.map((name) => onPath(name)).find((found) => found);
}
