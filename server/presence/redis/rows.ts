import type { DeviceId, SessionId, UserId } from '../../core/ids.ts';
import type { RegistrySession } from '../registry.ts';

/** A session that counts as there while its lease holds. */
export interface SessionRow {
  readonly lease: string;
  /** False in the grace after a clean close. */
  readonly open: boolean;
  readonly session: RegistrySession;
}

export interface UserRows {
  readonly rows: readonly SessionRow[];
  /** Wall ms, of the sessions that ended lately; 0 = of none. */
  readonly lastSeenMs: number;
}

/** Reads a user's hash as HGETALL gives it; how it is written: lua/write.lua. */
export function readUserRows(userId: UserId, fields: readonly string[]): UserRows {
  const rows: SessionRow[] = [];
  let lastSeenMs = 0;
  for (let index = 0; index + 1 < fields.length; index += 2) {
    const [name, value] = [fields[index] ?? '', fields[index + 1] ?? ''];
    if (name === 'seen') {
      lastSeenMs = Number(value);
      continue;
    }
    const [, state, lease = '', , startMs, deviceId = ''] = value.split(' ');
    if (state !== 'open' && state !== 'closing') continue;
    const session = { sessionId: name as SessionId, userId, deviceId: deviceId as DeviceId, startMs: Number(startMs) };
    rows.push({ lease, open: state === 'open', session });
  }
  return { rows, lastSeenMs };
}
