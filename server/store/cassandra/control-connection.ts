import type { Client } from 'cassandra-driver';
import type { Clock } from '../../core/clock.ts';

const againMs = 1_000;

/** What of the driver's (4.10.0) connection for topology and events is needed here; it is not in its types. */
interface ControlConnection {
  /** `plan`: when it goes on with the nodes that it has not tried yet, from within. */
  _refresh: (plan?: unknown) => Promise<void>;
}

/**
 * After a break the driver may renew this connection several times at once. One then takes away what another is using, and
 * throws where nobody catches it, which would end the process; and nothing would renew it any more. So it is done
 * once at a time, and again when it failed.
 */
export function renewOnceAtATime(client: Client, clock: Clock): void {
  const control = (client as unknown as { readonly controlConnection: ControlConnection }).controlConnection;
  const renew = control._refresh.bind(control);
  let running: Promise<void> | undefined;
  control._refresh = (plan) => {
    if (plan !== undefined) return renew(plan);
    running ??= renew()
      .catch(() => void clock.after(againMs, () => void control._refresh()))
      .finally(() => {
        running = undefined;
      });
    return running;
  };
}
