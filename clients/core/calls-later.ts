import { defaultDeadlineMs } from './caller.ts';
import type { Caller, CallLimits } from './caller.ts';
import type * as More from './calls-more.ts';
import { loaded } from './later.ts';
import type { Runtime } from './runtime.ts';

type Kind = keyof typeof More;
type Made<K extends Kind> = InstanceType<(typeof More)[K]>;
/** All calls of a class of calls-more.ts. */
export type Later<K extends Kind> = Pick<Made<K>, keyof Made<K>>;

type AnyCalls = Readonly<Record<string, (...args: readonly unknown[]) => Promise<unknown>>>;

/** Gives the calls of a class of calls-more.ts by their names: all of them, else types do not fit where they are used as `Later`. */
type LaterCalls = <K extends Kind, N extends keyof Made<K> & string>(
  kind: K,
  ...names: readonly N[]
) => Pick<Made<K>, N>;

/**
 * Calls before their code is there: each loads it, then is made, all within the call's limits. Code that cannot be had is tried for as
 * the call itself, and is then UNAVAILABLE.
 */
export function laterCalls(caller: Caller, runtime: Runtime): LaterCalls {
  let more: typeof More | undefined;
  return (kind, ...names) => {
    const calls = names.map((name) => [
      name,
      async (...args: readonly unknown[]): Promise<unknown> => {
        // Limits come last; nothing else that does has such names.
        const limits = (args.at(-1) ?? {}) as CallLimits;
        const endMs = runtime.now() + (limits.deadlineMs ?? defaultDeadlineMs);
        more ??= await caller.tried(limits, (ms) => loaded(() => import('./calls-more.ts'), runtime, ms));
        const call: Caller['call'] = (path, request) =>
          caller.call(path, request, { ...limits, deadlineMs: endMs - runtime.now() });
        return (new more[kind]({ call }, runtime) as unknown as AnyCalls)[name]?.(...args);
      },
    ]);
    return Object.fromEntries(calls);
  };
}
