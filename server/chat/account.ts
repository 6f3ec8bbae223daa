import { isDeepStrictEqual } from 'node:util';
import type { Entry } from '../core/entry.ts';
import { invalidField } from '../core/errors.ts';
import { type UserId, userLog } from '../core/ids.ts';
import { type AccountRow, type BlockRow, rowKey } from '../core/rows.ts';
import type { Store } from '../store/store.ts';
import { accountOf, hasBlocked } from './accounts.ts';
import type { Appender } from './appender.ts';
import type { Caller } from './caller.ts';
import { maxAnswerBytes } from './history.ts';
import type { PageTokens } from './page-token.ts';

const rowsPerRead = 500;

export interface AccountOptions {
  readonly store: Store;
  readonly appender: Appender;
  readonly tokens: PageTokens;
  /** Called when a block or a setting has changed here: what was remembered of the rules is old. */
  readonly onChange: () => void;
}

/** The caller's own account: settings, blocks, and the log in which all of it stands. */
export class Account {
  readonly #options: AccountOptions;

  constructor(options: AccountOptions) {
    this.#options = options;
  }

  async settings(caller: Caller): Promise<AccountRow> {
    return accountOf(this.#options.store, caller.userId, caller.signal);
  }

  async setSettings(caller: Caller, settings: AccountRow): Promise<AccountRow> {
    const { userId, deviceId, signal } = caller;
    await this.#options.appender.appendUser(
      userId,
      async () => {
        const before = await accountOf(this.#options.store, userId, signal);
        if (isDeepStrictEqual(before, settings)) return [];
        const change = { kind: 'account-settings-changed', ...settings } as const;
        return [{ senderId: userId, deviceId, clientMessageId: '', fingerprint: '', change }];
      },
      signal,
    );
    this.#options.onChange();
    return settings;
  }

  /** @throws Refusal INVALID_FIELD for oneself */
  async block(caller: Caller, userId: UserId): Promise<void> {
    if (userId === caller.userId) throw invalidField('user_id', 'must be another user');
    await this.#setBlocked(caller, userId, true);
  }

  async unblock(caller: Caller, userId: UserId): Promise<void> {
    await this.#setBlocked(caller, userId, false);
  }

  /** In order of ids. @throws Refusal INVALID_TOKEN */
  async blocked(
    caller: Caller,
    request: { readonly limit: number; readonly pageToken: string },
  ): Promise<{ readonly users: readonly UserId[]; readonly nextPageToken: string }> {
    const { store, tokens } = this.#options;
    const scope = ['ListBlockedUsers', caller.userId];
    const prefix = rowKey.block('');
    const users: UserId[] = [];
    let after = tokens.read(scope, request.pageToken, 1)?.[0] ?? '';
    for (;;) {
      const range = { prefix, after, limit: rowsPerRead };
      const rows = await store.rows(userLog(caller.userId), range, caller.signal);
      for (const { key, value } of rows) {
        if (!(value as BlockRow).blocked) continue;
        if (users.length === request.limit) {
          return { users, nextPageToken: tokens.make(scope, [prefix + (users.at(-1) ?? '')]) };
        }
        users.push(key.slice(prefix.length) as UserId);
      }
      if (rows.length < rowsPerRead) return { users, nextPageToken: '' };
      after = rows.at(-1)?.key ?? '';
    }
  }

  /** The caller's own log above `after`. */
  async entries(
    caller: Caller,
    request: { readonly after: bigint; readonly limit: number },
  ): Promise<{ readonly entries: readonly Entry[]; readonly headSequence: bigint; readonly epoch: bigint }> {
    const { store } = this.#options;
    const log = userLog(caller.userId);
    const head = await store.head(log, caller.signal);
    if (head === undefined) return { entries: [], headSequence: 0n, epoch: 0n };
    const { after, limit } = request;
    const range = { after, upTo: head.sequence, limit, maxBytes: maxAnswerBytes };
    const entries = after < head.sequence ? await store.entries(log, range, caller.signal) : [];
    return { entries, headSequence: head.sequence, epoch: head.epoch };
  }

  async #setBlocked(caller: Caller, blockedUser: UserId, blocked: boolean): Promise<void> {
    const { userId, deviceId, signal } = caller;
    await this.#options.appender.appendUser(
      userId,
      async () => {
        if ((await hasBlocked(this.#options.store, userId, blockedUser, signal)) === blocked) return [];
        const change = { kind: 'block-changed', userId: blockedUser, blocked } as const;
        return [{ senderId: userId, deviceId, clientMessageId: '', fingerprint: '', change }];
      },
      signal,
    );
    this.#options.onChange();
  }
}
