import { createHash } from 'node:crypto';
import { invalidField } from './errors.ts';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** `sub` of a token: 1–128 bytes of UTF-8 without control characters. */
export type UserId = Branded<'UserId'>;
/** 1–64 bytes of [A-Za-z0-9._-], chosen by an installation. Empty where a call came without a device; `service:…` where another service did it. */
export type DeviceId = Branded<'DeviceId'>;
/** `d_…` direct, `g_…` group; 1–64 bytes of [A-Za-z0-9_-]. */
export type ThreadId = Branded<'ThreadId'>;
/** Names an open session: `<node id>.<random>`. */
export type SessionId = Branded<'SessionId'>;
/** 1–128 bytes of [A-Za-z0-9._:-]: usually the id of a post. */
export type ChannelId = Branded<'ChannelId'>;
/** `sub` of a service's token: 1–56 bytes of [A-Za-z0-9._-], so that `service:` and it fit where a device id fits. */
export type ServiceName = Branded<'ServiceName'>;
/** A log of the store: a thread's (its ThreadId), a user's (`u:` and the user id) a channel's (`c:` and its id) or that of a user's erasures (`e:` and the user id). */
export type LogId = Branded<'LogId'>;

export const noDevice = '' as DeviceId;
/** Sender of what nobody sent. */
export const systemUser = '' as UserId;

// Control characters (C0, DEL, C1), separators that break lines, and lone surrogates.
const forbiddenInUserId = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]|[\ud800-\udfff]/u;
const devicePattern = /^[A-Za-z0-9._-]{1,64}$/;
const servicePattern = /^[A-Za-z0-9._-]{1,56}$/;
const threadPattern = /^[dg]_[A-Za-z0-9_-]{1,62}$/;
const channelPattern = /^[A-Za-z0-9._:-]{1,128}$/;
const clientIdPattern = /^[\x21-\x7e]{1,64}$/;

/** @throws Refusal INVALID_FIELD */
export function parseUserId(value: string, field = 'user_id'): UserId {
  if (value === '' || Buffer.byteLength(value) > 128 || forbiddenInUserId.test(value)) {
    throw invalidField(field, 'must be 1–128 bytes of UTF-8 without control characters');
  }
  return value as UserId;
}

/** @throws Refusal INVALID_FIELD */
export function parseDeviceId(value: string, field = 'device_id'): DeviceId {
  if (!devicePattern.test(value)) throw invalidField(field, 'must be 1–64 bytes of [A-Za-z0-9._-]');
  return value as DeviceId;
}

/** @throws Refusal INVALID_FIELD */
export function parseServiceName(value: string, field = 'service'): ServiceName {
  if (!servicePattern.test(value)) throw invalidField(field, 'must be 1–56 bytes of [A-Za-z0-9._-]');
  return value as ServiceName;
}

/**
 * What stands where a device's id would in what a service does, for the system or for a user: so a log names the service, to its readers too.
 * No device has it, since device ids have no colon.
 */
export function deviceOfService(name: ServiceName): DeviceId {
  return `${servicePrefix}${name}` as DeviceId;
}

/** Whether another service did what came from this device. */
export function isService(deviceId: DeviceId): boolean {
  return deviceId.startsWith(servicePrefix);
}

const servicePrefix = 'service:';

/** @throws Refusal INVALID_FIELD */
export function parseThreadId(value: string, field = 'thread_id'): ThreadId {
  if (!threadPattern.test(value)) {
    throw invalidField(field, 'must be a thread id: d_ or g_ and up to 62 bytes of [A-Za-z0-9_-]');
  }
  return value as ThreadId;
}

/** @throws Refusal INVALID_FIELD */
export function parseChannelId(value: string, field = 'channel_id'): ChannelId {
  if (!channelPattern.test(value)) throw invalidField(field, 'must be 1–128 bytes of [A-Za-z0-9._:-]');
  return value as ChannelId;
}

/** A client_message_id or request_id. @throws Refusal INVALID_FIELD */
export function parseClientId(value: string, field = 'client_message_id'): string {
  if (!clientIdPattern.test(value)) throw invalidField(field, 'must be 1–64 bytes of printable ASCII without spaces');
  return value;
}

function digest(parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    const bytes = Buffer.from(part);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  }
  return hash.digest('base64url');
}

/** The one direct thread of two users, whoever opens it. */
export function directThreadId(a: UserId, b: UserId): ThreadId {
  const [first, second] = a < b ? [a, b] : [b, a];
  return `d_${digest([first, second])}` as ThreadId;
}

/** The one group that a creator's request makes, however often it is sent. */
export function groupThreadId(creator: UserId, requestId: string): ThreadId {
  return `g_${digest([creator, requestId])}` as ThreadId;
}

/** The one group that a service's request makes. No user has an empty id: it is no group of a user's. */
export function groupOfService(service: ServiceName, requestId: string): ThreadId {
  return `g_${digest(['', service, requestId])}` as ThreadId;
}

export function threadLog(thread: ThreadId): LogId {
  return thread as string as LogId;
}

export function userLog(user: UserId): LogId {
  return `u:${user}` as LogId;
}

export function channelLog(channel: ChannelId): LogId {
  return `c:${channel}` as LogId;
}

/** Where the erasures of a user say how far they are. */
export function erasureLog(user: UserId): LogId {
  return `e:${user}` as LogId;
}

/** The thread whose log this is; undefined for that of a user, a channel or an erasure. */
export function threadOfLog(log: LogId): ThreadId | undefined {
  return log[1] === ':' ? undefined : (log as string as ThreadId);
}

/** The node that has the session, as its id says: `node.random`; empty for what is no session's id. */
export function nodeOfSession(sessionId: string): string {
  return sessionId.slice(0, Math.max(0, sessionId.lastIndexOf('.')));
}
