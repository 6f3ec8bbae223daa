import type { Retention as ProtoRetention } from '#proto/parley/v1/retention.ts';
import type { Retention } from '../../core/entry.ts';
import { retentionModeToProto } from './words.ts';

export function retentionToProto({ mode, durationS }: Retention): ProtoRetention {
  const duration = durationS === 0 ? undefined : { seconds: BigInt(durationS), nanos: 0 };
  return { mode: retentionModeToProto(mode), duration };
}
