// What a tab needs once there are two: a file of its own, loaded then. Both halves in one, so that a following tab can lead at once.
import { Hub } from './hub.ts';
import { TabStream } from './tab-stream.ts';

/** What a tab leads the others with. */
export function leading(...parts: ConstructorParameters<typeof Hub>): Hub {
  return new Hub(...parts);
}

/** A stream through the tab that leads. */
export function following(...parts: ConstructorParameters<typeof TabStream>): TabStream {
  return new TabStream(...parts);
}
