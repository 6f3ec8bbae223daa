import type { Clock } from '../../core/clock.ts';
import type { RetentionRules } from '../../core/retention.ts';
import type { ThreadViews } from '../../delivery/thread-views.ts';
import type { Store } from '../../store/store.ts';
import { type AwaitedDevices, DevicesHeld } from './devices-held.ts';
import { Erasing } from './erasing.ts';
import { Looks } from './look.ts';

/** What of retention a node works with. */
export interface RetentionParts {
  readonly rules: RetentionRules;
  readonly held: DevicesHeld;
  readonly erasing: Erasing;
}

/** `remembered`: threads of which it is remembered how they stood. It does nothing by itself before it is started. */
export function makeRetention(options: {
  readonly store: Store;
  readonly views: ThreadViews;
  readonly rules: RetentionRules;
  readonly devices: AwaitedDevices;
  readonly clock: Clock;
  readonly remembered: number;
  readonly onErased: (messages: number) => void;
  readonly onFailed: (error: unknown) => void;
}): RetentionParts {
  const { store, views, rules, devices, clock, remembered, onErased, onFailed } = options;
  const held = new DevicesHeld(store, devices, remembered);
  const looks = new Looks({ store, views, rules, held, remembered, onErased });
  return { rules, held, erasing: new Erasing({ store, views, rules, looks, clock, remembered, onFailed }) };
}
