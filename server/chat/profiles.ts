import { type UserId, noDevice, systemUser, userLog } from '../core/ids.ts';
import { Lru } from '../core/lru.ts';
import { type ProfileRow, rowKey } from '../core/rows.ts';
import type { Store } from '../store/store.ts';
import type { Appender } from './appender.ts';
import type { Caller, Claims } from './caller.ts';
import { entryAt } from './places.ts';

/** How a user presents themselves. */
export interface Profile extends ProfileRow {
  readonly userId: UserId;
}

const noProfile: ProfileRow = { displayName: '', avatarUrl: '' };

/** Bytes of UTF-8. */
export const maxNameBytes = 100;
const maxUrlBytes = 2_048;

/** Users whose claims were noted; about 150 bytes each. */
const rememberedUsers = 20_000;

/** What was noted of a user's claims; `written` resolves, never rejects, once it is kept. */
interface Noted {
  readonly key: string;
  readonly written: Promise<void>;
}

/**
 * Profiles: what users set themselves; until then what their tokens say, kept from when it was first seen or last changed (in the user's log, as
 * said by the system).
 */
export class Profiles {
  readonly #store: Store;
  readonly #appender: Appender;
  readonly #noted = new Lru<UserId, Noted>(rememberedUsers);

  constructor({ store, appender }: { readonly store: Store; readonly appender: Appender }) {
    this.#store = store;
    this.#appender = appender;
  }

  /** In the order asked; an empty one for who was never seen. */
  async get(users: readonly UserId[], signal?: AbortSignal): Promise<Profile[]> {
    return Promise.all(
      users.map(async (userId) => {
        const row = await this.#store.row(userLog(userId), rowKey.profile, signal);
        const { displayName, avatarUrl } = (row?.value as ProfileRow | undefined) ?? noProfile;
        return { userId, displayName, avatarUrl };
      }),
    );
  }

  async update(caller: Caller, profile: ProfileRow): Promise<Profile> {
    const { userId, deviceId, signal } = caller;
    const { displayName, avatarUrl } = profile;
    await this.#appender.appendUser(
      userId,
      async () => {
        const row = await this.#store.row(userLog(userId), rowKey.profile, signal);
        const before = row?.value as ProfileRow | undefined;
        // Set to what the token says it is one's own from now on, and no token changes it.
        if (row !== undefined && isSame(before, profile) && !(await this.#isFromToken(userId, row.sequence))) return [];
        const change = { kind: 'profile-changed', displayName, avatarUrl } as const;
        return [{ senderId: userId, deviceId, clientMessageId: '', fingerprint: '', change }];
      },
      signal,
    );
    return { userId, displayName, avatarUrl };
  }

  /**
   * Keeps what the token says, unless the user has set a profile. Costs a look into memory once it is known; who calls while it is
   * being written waits for it as well, so that whatever they ask next knows it. Never fails: a call is not refused because this could not be written.
   */
  async noteClaims(caller: Pick<Caller, 'userId' | 'claims'>): Promise<void> {
    const { userId, claims } = caller;
    const profile = profileOfClaims(claims);
    if (isSame(profile, noProfile)) return;
    const key = `${profile.displayName}\n${profile.avatarUrl}`;
    const before = this.#noted.get(userId);
    if (before?.key === key) return before.written;
    const noted = { key, written: this.#note(userId, profile).catch(() => this.#forget(userId, key)) };
    this.#noted.set(userId, noted);
    return noted.written;
  }

  #forget(userId: UserId, key: string): void {
    if (this.#noted.get(userId)?.key === key) this.#noted.delete(userId);
  }

  async #note(userId: UserId, profile: ProfileRow): Promise<void> {
    const { displayName, avatarUrl } = profile;
    await this.#appender.appendUser(userId, async () => {
      const row = await this.#store.row(userLog(userId), rowKey.profile);
      if (row !== undefined && isSame(row.value as ProfileRow, profile)) return [];
      if (row !== undefined && !(await this.#isFromToken(userId, row.sequence))) return [];
      const change = { kind: 'profile-changed', displayName, avatarUrl } as const;
      return [{ senderId: systemUser, deviceId: noDevice, clientMessageId: '', fingerprint: '', change }];
    });
  }

  async #isFromToken(userId: UserId, sequence: bigint): Promise<boolean> {
    const entry = await entryAt(this.#store, userLog(userId), sequence);
    return entry?.senderId === systemUser;
  }
}

/** What of a token's claims makes a profile: a name on one line, cut to its bound, and an https picture. */
function profileOfClaims({ name = '', picture = '' }: Claims): ProfileRow {
  const isUrl = picture.startsWith('https://') && Buffer.byteLength(picture) <= maxUrlBytes && URL.canParse(picture);
  const line = name.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
  return { displayName: cut(line.trim(), maxNameBytes), avatarUrl: isUrl ? picture : '' };
}

/** The longest beginning of at most `maxBytes` that ends between characters as people see them. */
function cut(text: string, maxBytes: number): string {
  if (Buffer.byteLength(text) <= maxBytes) return text;
  let kept = '';
  let bytes = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    bytes += Buffer.byteLength(segment);
    if (bytes > maxBytes) break;
    kept += segment;
  }
  return kept;
}

function isSame(a: ProfileRow | undefined, b: ProfileRow): boolean {
  return a?.displayName === b.displayName && a.avatarUrl === b.avatarUrl;
}
