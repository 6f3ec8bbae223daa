import type { ChannelId, ServiceName, ThreadId, UserId } from '../../core/ids.ts';
import { auditLogOf, type Log } from '../../telemetry/log.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { Trace } from '../trace.ts';

/** The ids that a call is about, checked; never content. */
export interface Touched {
  /** The id by which the service repeats the call. */
  readonly requestId?: string;
  readonly thread?: ThreadId;
  readonly channel?: ChannelId;
  /** On whose behalf. */
  readonly onBehalfOf?: UserId;
  readonly users?: readonly UserId[];
  /** Of the entry that stands for it. */
  readonly sequence?: bigint;
  /** Of the comment. */
  readonly number?: bigint;
}

/** Users that a line names; the thread's log has all of them. */
const maxNamed = 100;

/** What services do: a line of the log for each call that was let in, and a count. */
export class Audit {
  readonly #log: Log;
  readonly #metrics: Metrics;

  constructor(log: Log, metrics: Metrics) {
    this.#log = auditLogOf(log);
    this.#metrics = metrics;
  }

  /** `outcome`: OK, or the reason of the refusal. */
  note(
    caller: { readonly service: ServiceName; readonly trace: Trace },
    method: string,
    touched: Touched,
    outcome: string,
  ): void {
    const { service, trace } = caller;
    const { users, sequence, number, ...ids } = touched;
    this.#metrics.serviceCall(service, method, outcome);
    this.#log.info(
      {
        ...trace,
        service,
        method,
        ...ids,
        ...(users === undefined ? {} : { users: users.slice(0, maxNamed), userCount: users.length }),
        ...(sequence === undefined ? {} : { sequence: String(sequence) }),
        ...(number === undefined ? {} : { number: String(number) }),
        outcome,
      },
      'a service asked',
    );
  }
}
