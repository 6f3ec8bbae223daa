import { type Retention as ProtoRetention, RetentionMode } from '#proto/parley/v1/retention.ts';
import type { Retention } from '../../core/entry.ts';
import { invalidField } from '../../core/errors.ts';
import { longestS, shortestS } from '../../core/retention.ts';
import { retentionModeToProto } from './words.ts';

export function retentionToProto({ mode, durationS }: Retention): ProtoRetention {
  const duration = durationS === 0 ? undefined : { seconds: BigInt(durationS), nanos: 0 };
  return { mode: retentionModeToProto(mode), duration };
}

/** Undefined = as the deployment says. @throws Refusal INVALID_FIELD, also for rules that are newer than this server */
export function retentionFromProto({ mode, duration }: ProtoRetention, field: string): Retention | undefined {
  switch (mode) {
    case RetentionMode.RETENTION_MODE_UNSPECIFIED:
    case RetentionMode.RETENTION_MODE_KEEP:
      if (duration !== undefined) throw invalidField(`${field}.duration`, 'must be unset with this mode');
      return mode === RetentionMode.RETENTION_MODE_KEEP ? { mode: 'keep', durationS: 0 } : undefined;
    case RetentionMode.RETENTION_MODE_KEEP_FOR:
      if (duration === undefined) throw invalidField(`${field}.duration`, 'must be set with KEEP_FOR');
      return { mode: 'keep-for', durationS: secondsOf(duration, `${field}.duration`) };
    case RetentionMode.RETENTION_MODE_UNTIL_DELIVERED: {
      const durationS = duration === undefined ? 0 : secondsOf(duration, `${field}.duration`);
      return { mode: 'until-delivered', durationS };
    }
    default:
      throw invalidField(`${field}.mode`, 'must be KEEP, KEEP_FOR, UNTIL_DELIVERED or unset');
  }
}

function secondsOf({ seconds, nanos }: { readonly seconds: bigint; readonly nanos: number }, field: string): number {
  if (nanos !== 0 || seconds < BigInt(shortestS) || seconds > BigInt(longestS)) {
    throw invalidField(field, 'must be whole seconds, from 60 s to 36,600 days');
  }
  return Number(seconds);
}
