import type { DeviceId, ThreadId, UserId } from './ids.ts';

/** What a person wrote: text, or opaque bytes with their media type. Never both. */
export type Content = { readonly text: string } | { readonly opaque: Uint8Array; readonly contentType: string };

export interface Attachment {
  readonly uri: string;
  readonly contentType: string;
  readonly name: string;
  readonly sizeBytes: bigint;
}

/** What a message says, apart from its place: the part that edits replace and deletes erase. */
export interface Body {
  readonly content?: Content;
  readonly mentions: readonly UserId[];
  readonly attachments: readonly Attachment[];
}

export const emptyBody: Body = { mentions: [], attachments: [] };

export type Role = 'member' | 'admin' | 'owner';

/** A user in a thread since the entry `joinSequence`. */
export interface Member {
  readonly userId: UserId;
  readonly role: Role;
  readonly joinSequence: bigint;
}

/** What an entry of a thread's log changes. */
export type ThreadChange =
  | {
      readonly kind: 'message';
      readonly replyTo: bigint;
      /** The present body: of the last edit, empty once deleted. */
      readonly body: Body;
      /** Sequence of the last edit; 0 = never edited. Filled in when read. */
      readonly editSequence: bigint;
      /** Sequence of the delete; 0 = not deleted. Filled in when read. */
      readonly deleteSequence: bigint;
      /** Its body was erased by the thread's retention, and is empty. Filled in when read. */
      readonly erased?: true;
    }
  /** `body` is the new one; when read, it is empty if a later edit or delete took its place. */
  | { readonly kind: 'message-edited'; readonly target: bigint; readonly body: Body }
  | { readonly kind: 'message-deleted'; readonly target: bigint }
  | { readonly kind: 'reaction-changed'; readonly target: bigint; readonly emoji: string; readonly removed: boolean }
  | {
      readonly kind: 'thread-created';
      readonly threadKind: 'direct' | 'group';
      readonly members: readonly { readonly userId: UserId; readonly role: Role }[];
      readonly name: string;
      readonly historyForNewMembers: boolean;
    }
  | { readonly kind: 'member-added'; readonly userId: UserId; readonly role: Role }
  | { readonly kind: 'member-removed'; readonly userId: UserId }
  | { readonly kind: 'role-changed'; readonly userId: UserId; readonly role: Role }
  | { readonly kind: 'group-changed'; readonly name: string; readonly historyForNewMembers: boolean }
  /** Messages after it are kept so. */
  | { readonly kind: 'retention-changed'; readonly retention: Retention };

/** How long bodies are kept. */
export interface Retention {
  readonly mode: 'keep' | 'keep-for' | 'until-delivered';
  /** Seconds from the message's `createTimeMs`; 0 = as long as the deployment allows. Of `keep` always 0. */
  readonly durationS: number;
}

/** Of which messages a user's devices are notified. */
export type NotificationLevel = 'all' | 'mentions' | 'none';

/** A part of each day, in minutes of it in the time zone. */
export interface QuietHours {
  readonly startMinute: number;
  /** Before the start = on the next day. Never the same. */
  readonly endMinute: number;
  /** IANA name. */
  readonly timeZone: string;
}

/** What an entry of a user's own log changes. */
export type UserChange =
  | { readonly kind: 'thread-added'; readonly threadId: ThreadId }
  | { readonly kind: 'thread-removed'; readonly threadId: ThreadId }
  | {
      readonly kind: 'thread-settings-changed';
      readonly threadId: ThreadId;
      /** Wall ms; 0 = not muted. */
      readonly muteUntilMs: number;
      readonly pinned: boolean;
      readonly archived: boolean;
      /** Unset = as the account says. */
      readonly notificationLevel?: NotificationLevel;
    }
  | { readonly kind: 'block-changed'; readonly userId: UserId; readonly blocked: boolean }
  | { readonly kind: 'profile-changed'; readonly displayName: string; readonly avatarUrl: string }
  | {
      readonly kind: 'account-settings-changed';
      readonly directPolicy: 'anyone' | 'shared-group' | 'nobody';
      readonly readPrivately: boolean;
      readonly hidePresence: boolean;
      readonly hideNotificationContent?: true;
      /** Unset = all. */
      readonly notificationLevel?: NotificationLevel;
      readonly quietHours?: QuietHours;
    }
  | { readonly kind: 'device-changed'; readonly deviceId: DeviceId; readonly removed: boolean };

/** What an entry of a channel's log changes: what holds for it, never what is said in it (that is numbered elsewhere, and not kept for good). */
export type ChannelChange =
  /** The channel exists; also what holds for it from now on. */
  | ({ readonly kind: 'channel-changed' } & ChannelRow)
  | { readonly kind: 'moderator-changed'; readonly userId: UserId; readonly moderator: boolean }
  /** Wall ms until which the user is silent; 0 = not any more. */
  | { readonly kind: 'restriction-changed'; readonly userId: UserId; readonly untilMs: number };

/** What holds for a channel. */
export interface ChannelRow {
  readonly closed: boolean;
  /** Seconds between two comments of one user; 0 = no slow mode. */
  readonly slowModeS: number;
  /** Comments that are kept, and for how long at most. */
  readonly historyCount: number;
  readonly historyS: number;
}

/** What an entry of the log of a user's erasures says: how far one of them is. Told to nobody. */
export type ErasureChange = { readonly kind: 'erasure-moved'; readonly requestId: string } & ErasureRow;

/** How far the erasure of a user is. What it says to do is counted already, and may be done again. */
export interface ErasureRow {
  readonly stage: 'devices' | 'threads' | 'account' | 'done';
  /** Wall ms before which no thread is begun: until then calls of the devices that were removed may still be taken. 0 = at once. */
  readonly threadsFromMs: number;
  /** In the stage of threads: those with lower ids are gone through, and this one up to `after`. Empty = none is begun. */
  readonly thread: ThreadId | '';
  readonly after: bigint;
  readonly upTo: bigint;
  readonly messages: number;
  readonly threads: number;
  readonly groups: number;
  readonly devices: number;
  readonly reactions: number;
}

export type Change = ThreadChange | UserChange | ChannelChange | ErasureChange;

/** A change that has no place yet: what is handed to the store. */
export interface NewEntry {
  readonly senderId: UserId;
  readonly deviceId: DeviceId;
  /** Makes the append idempotent per (log, sender); empty = this entry alone is not (its batch may be, by another entry of it). */
  readonly clientMessageId: string;
  /** Tells a repeat from a reuse of the id: a hash of what was asked. Empty with an empty id. */
  readonly fingerprint: string;
  readonly change: Change;
}

/** A change at its place in a log. Frozen once made: it is shared by every session that hears it. */
export interface Entry {
  /** 1, 2, 3 … without holes. */
  readonly sequence: bigint;
  /** Number of messages up to and including this entry. */
  readonly ordinal: bigint;
  readonly senderId: UserId;
  readonly deviceId: DeviceId;
  readonly clientMessageId: string;
  /** Wall ms of the appending node, never below the entry ahead of it. For display. */
  readonly createTimeMs: number;
  readonly change: Change;
}

/** Where a log stands. */
export interface Head {
  /** Another epoch than before: the log was rebuilt, whoever kept something of it starts over. */
  readonly epoch: bigint;
  readonly sequence: bigint;
  readonly ordinal: bigint;
  /** Sequence of the last entry that changed members or roles; 0 in a user's log. */
  readonly membersSequence: bigint;
  /** `createTimeMs` of the last entry. */
  readonly activityMs: number;
}

/** Whether the entry counts as a message. */
export function isMessage(change: Change): boolean {
  return change.kind === 'message';
}

/** Whether the entry changes who is a member, or in what role. */
export function changesMembers(change: Change): boolean {
  return (
    change.kind === 'thread-created' ||
    change.kind === 'member-added' ||
    change.kind === 'member-removed' ||
    change.kind === 'role-changed'
  );
}

/** Approximate bytes of an entry in memory and on the wire; for bounds, not for billing. */
export function sizeOfEntry(entry: Pick<Entry, 'senderId' | 'clientMessageId' | 'change'>): number {
  const change = entry.change;
  const fixed = 96 + entry.senderId.length + entry.clientMessageId.length;
  if (change.kind === 'message' || change.kind === 'message-edited') return fixed + sizeOfBody(change.body);
  if (change.kind === 'thread-created') return fixed + change.members.length * 32 + change.name.length;
  return fixed;
}

function sizeOfBody(body: Body): number {
  let size = 0;
  for (const mention of body.mentions) size += Buffer.byteLength(mention) + 8;
  for (const { uri, name, contentType } of body.attachments) {
    size += uri.length + Buffer.byteLength(name) + contentType.length + 32;
  }
  if (body.content === undefined) return size;
  return size + ('text' in body.content ? Buffer.byteLength(body.content.text) : body.content.opaque.length);
}
