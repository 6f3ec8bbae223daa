import type { Child } from '../../../platform/child.ts';
import { until } from '../../../platform/wait.ts';

const withinMs = 30_000;

/** What the pattern's group finds in a line that a program has written since it started; throws when it ended without. */
export function whenSaid(child: Child, pattern: RegExp): Promise<string> {
  return until(
    () => {
      if (child.ending !== undefined) throw new Error([`${child.name} did not start:`, ...child.tail()].join('\n  '));
      return child
        .tail()
        .map((line) => pattern.exec(line)?.[1])
        .find((found) => found !== undefined);
    },
    { what: `${child.name} to start`, withinMs },
  );
}
