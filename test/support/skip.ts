// `needs('tmux')('the terminal client', () => { … })` is vitest's `describe`, skipped (and counted as skipped) when
// PARLEY_SKIP, a comma list, names the component. A component that is missing and not named makes its tests fail:
// nothing is left out without somebody having said so.
import { describe } from 'vitest';

/** True when PARLEY_SKIP names one of them; for tests that leave out a part only. */
export function isSkipped(...components: readonly string[]): boolean {
  const skipped = (process.env['PARLEY_SKIP'] ?? '').split(',').map((name) => name.trim());
  return components.some((component) => skipped.includes(component));
}

export function needs(...components: readonly string[]): ReturnType<typeof describe.skipIf> {
  return describe.skipIf(isSkipped(...components));
}
