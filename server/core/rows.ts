import type { ChannelRow, Entry, ErasureRow, NotificationLevel, QuietHours, Retention, Role } from './entry.ts';

/**
 * Rows: what a log amounts to, by key. Each entry of a log puts some rows; the row with the highest sequence under a key
 * holds (a max-register), so that order and repetition do not matter and a lost row is made again from the log.
 * The store writes them together with the entry.
 *
 *   thread log   info                        ThreadInfo
 *                member/<user>               MemberRow
 *                retention                   RetentionRow
 *                reaction/<target>/<emoji>/<user>   ReactionRow     (target: 16 hex digits; emoji: hex of its UTF-8)
 *   user log     thread/<thread>             PointerRow
 *                settings/<thread>           ThreadSettingsRow
 *                block/<user>                BlockRow
 *                profile                     ProfileRow
 *                account                     AccountRow
 *                device/<device>             DeviceRow
 *   channel log  channel                     ChannelRow
 *                moderator/<user>            ModeratorRow
 *                restriction/<user>          RestrictionRow
 *   erasure log  erasure/<request id>        ErasureRow
 */
export interface Row<Value = unknown> {
  readonly key: string;
  /** Sequence of the entry that put it. */
  readonly sequence: bigint;
  readonly value: Value;
}

export interface ThreadInfo {
  readonly kind: 'direct' | 'group';
  readonly name: string;
  readonly historyForNewMembers: boolean;
}

export interface MemberRow {
  readonly role: Role;
  /** Sequence of the entry that made them a member, the last time. */
  readonly joinSequence: bigint;
  /** Sequence of their removal; 0 = a member now. */
  readonly leftSequence: bigint;
}

/** Under which rule messages are: that of the last span that begins below their sequence. None = the deployment's default. */
export interface RetentionRow {
  /** Ascending, at most 16. No more are set; of a log that has more the oldest two become one, with the later one's rule. */
  readonly spans: readonly RetentionSpan[];
}

export interface RetentionSpan {
  /** Sequence of the entry that set the rule. */
  readonly after: bigint;
  readonly retention: Retention;
}

export interface ReactionRow {
  readonly removed: boolean;
}

export interface PointerRow {
  readonly added: boolean;
}

export interface ThreadSettingsRow {
  /** Wall ms; 0 = not muted. */
  readonly muteUntilMs: number;
  readonly pinned: boolean;
  readonly archived: boolean;
  /** Unset = as the account says. */
  readonly notificationLevel?: NotificationLevel;
}

export interface BlockRow {
  readonly blocked: boolean;
}

export interface ProfileRow {
  readonly displayName: string;
  readonly avatarUrl: string;
}

export interface AccountRow {
  readonly directPolicy: 'anyone' | 'shared-group' | 'nobody';
  readonly readPrivately: boolean;
  readonly hidePresence: boolean;
  readonly hideNotificationContent?: true;
  /** Unset = all. */
  readonly notificationLevel?: NotificationLevel;
  readonly quietHours?: QuietHours;
}

export interface DeviceRow {
  readonly removed: boolean;
}

export interface ModeratorRow {
  readonly moderator: boolean;
}

export interface RestrictionRow {
  /** Wall ms until which the user is silent; 0 = not any more. */
  readonly untilMs: number;
}

const maxSpans = 16;

export function hexSequence(sequence: bigint): string {
  return sequence.toString(16).padStart(16, '0');
}

export const rowKey = {
  info: 'info',
  retention: 'retention',
  profile: 'profile',
  account: 'account',
  member: (user: string) => `member/${user}`,
  reactions: (target: bigint) => `reaction/${hexSequence(target)}/`,
  reaction: (target: bigint, emoji: string, user: string) =>
    `reaction/${hexSequence(target)}/${Buffer.from(emoji).toString('hex')}/${user}`,
  thread: (thread: string) => `thread/${thread}`,
  settings: (thread: string) => `settings/${thread}`,
  block: (user: string) => `block/${user}`,
  device: (device: string) => `device/${device}`,
  channel: 'channel',
  moderator: (user: string) => `moderator/${user}`,
  restriction: (user: string) => `restriction/${user}`,
  erasure: (requestId: string) => `erasure/${requestId}`,
} as const;

/** Target, emoji and user of a reaction row's key. */
export function parseReactionKey(key: string): { target: bigint; emoji: string; user: string } {
  const emojiEnd = key.indexOf('/', 26);
  return {
    target: BigInt(`0x${key.slice(9, 25)}`),
    emoji: Buffer.from(key.slice(26, emojiEnd), 'hex').toString(),
    user: key.slice(emojiEnd + 1),
  };
}

/**
 * The rows that an entry puts. `current` gives the present row of a key, for the changes that keep a part of it (a role
 * change keeps the join, a removal the role).
 */
export function rowsOf(entry: Entry, current: (key: string) => Row | undefined): Row[] {
  const { sequence, change } = entry;
  const put = <Value>(key: string, value: Value): Row<Value> => ({ key, sequence, value });
  const member = (user: string): MemberRow => {
    const row = current(rowKey.member(user))?.value as MemberRow | undefined;
    return row ?? { role: 'member', joinSequence: sequence, leftSequence: 0n };
  };
  switch (change.kind) {
    case 'message':
    case 'message-edited':
    case 'message-deleted':
      return [];
    case 'reaction-changed':
      return [
        put<ReactionRow>(rowKey.reaction(change.target, change.emoji, entry.senderId), { removed: change.removed }),
      ];
    case 'thread-created': {
      const { threadKind: kind, name, historyForNewMembers } = change;
      return [
        put<ThreadInfo>(rowKey.info, { kind, name, historyForNewMembers }),
        ...change.members.map(({ userId, role }) =>
          put<MemberRow>(rowKey.member(userId), { role, joinSequence: sequence, leftSequence: 0n }),
        ),
      ];
    }
    case 'member-added':
      return [
        put<MemberRow>(rowKey.member(change.userId), { role: change.role, joinSequence: sequence, leftSequence: 0n }),
      ];
    case 'member-removed':
      return [put<MemberRow>(rowKey.member(change.userId), { ...member(change.userId), leftSequence: sequence })];
    case 'role-changed':
      return [put<MemberRow>(rowKey.member(change.userId), { ...member(change.userId), role: change.role })];
    case 'group-changed': {
      const { name, historyForNewMembers } = change;
      return [put<ThreadInfo>(rowKey.info, { kind: 'group', name, historyForNewMembers })];
    }
    case 'retention-changed': {
      const row = current(rowKey.retention)?.value as RetentionRow | undefined;
      const spans = withSpan(row?.spans ?? [], { after: sequence, retention: change.retention });
      return [put<RetentionRow>(rowKey.retention, { spans })];
    }
    case 'thread-added':
      return [put<PointerRow>(rowKey.thread(change.threadId), { added: true })];
    case 'thread-removed':
      return [put<PointerRow>(rowKey.thread(change.threadId), { added: false })];
    case 'thread-settings-changed': {
      const { kind: _, threadId, ...settings } = change;
      return [put<ThreadSettingsRow>(rowKey.settings(threadId), settings)];
    }
    case 'block-changed':
      return [put<BlockRow>(rowKey.block(change.userId), { blocked: change.blocked })];
    case 'profile-changed':
      return [put<ProfileRow>(rowKey.profile, { displayName: change.displayName, avatarUrl: change.avatarUrl })];
    case 'account-settings-changed': {
      const { kind: _, ...account } = change;
      return [put<AccountRow>(rowKey.account, account)];
    }
    case 'device-changed':
      return [put<DeviceRow>(rowKey.device(change.deviceId), { removed: change.removed })];
    case 'channel-changed': {
      const { closed, slowModeS, historyCount, historyS } = change;
      return [put<ChannelRow>(rowKey.channel, { closed, slowModeS, historyCount, historyS })];
    }
    case 'moderator-changed':
      return [put<ModeratorRow>(rowKey.moderator(change.userId), { moderator: change.moderator })];
    case 'restriction-changed':
      return [put<RestrictionRow>(rowKey.restriction(change.userId), { untilMs: change.untilMs })];
    case 'erasure-moved': {
      const { kind: _, requestId, ...erasure } = change;
      return [put<ErasureRow>(rowKey.erasure(requestId), erasure)];
    }
  }
}

/** The spans with a later one; that again changes nothing. Of more than a row has, the oldest two become one. */
export function withSpan(spans: readonly RetentionSpan[], span: RetentionSpan): readonly RetentionSpan[] {
  if ((spans.at(-1)?.after ?? -1n) >= span.after) return spans;
  const all = appended(spans, span);
  return all.length > maxSpans ? joinOldest(all) : all;
}

/** Whether a later span leaves what older messages are under as it is. */
export function hasRoomFor(spans: readonly RetentionSpan[], span: RetentionSpan): boolean {
  return appended(spans, span).length <= maxSpans;
}

/** Without what says nothing: a rule that was replaced before there was a message under it, and the same rule twice. */
function appended(spans: readonly RetentionSpan[], span: RetentionSpan): readonly RetentionSpan[] {
  const last = spans.at(-1);
  const before = last !== undefined && last.after + 1n === span.after ? spans.slice(0, -1) : spans;
  const rule = before.at(-1)?.retention;
  const isSame = rule?.mode === span.retention.mode && rule.durationS === span.retention.durationS;
  return isSame ? before : [...before, span];
}

function joinOldest([first, second, ...later]: readonly RetentionSpan[]): RetentionSpan[] {
  if (first === undefined || second === undefined) return [...later];
  return [{ after: first.after, retention: second.retention }, ...later];
}
