// Chromium for the tests of browsers: the one that is chosen, or what the system has.
import { isExecutable, onPath, Refusal } from './run.mjs';

/** Path of the Chromium to run: CHROMIUM_BIN, else one on PATH; undefined when there is none. Throws a Refusal for an unfit CHROMIUM_BIN. */
export function locateChromium() {
  const chosen = process.env.CHROMIUM_BIN;
  if (chosen && !isExecutable(chosen)) {
    throw new Refusal(`CHROMIUM_BIN=${chosen} is not an executable file.`, 'Correct or unset CHROMIUM_BIN.');
  }
  if (chosen) return chosen;
  return ['chromium', 'chromium-browser', 'google-chrome'].map((name) => onPath(name)).find((found) => found);
}
