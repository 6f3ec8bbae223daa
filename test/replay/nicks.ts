/**
 * Who a nick is at a given line. A nick has at most one holder at a time; a user is whoever took a free nick first and
 * stays that user through all renames.
 *
 * - Renaming to a nick that someone holds displaces the holder (whose quit the log does not show): they stay in the
 *   group and have no nick any more, so they say nothing further.
 * - A nick whose holder renamed away is free. Who uses it next is another user, as two connections are on IRC, even if
 *   it may be the same person.
 * - Leaving does not free a nick: who comes back under it is the same user.
 *
 * A user's id is made of the nick that they first had and, from the second holder on, a number. The n-th holder of
 * a nick in one file and the n-th in another are the same user: they sit in both groups.
 */
import { createHash } from 'node:crypto';
import type { Nick } from './irc.ts';

export class Nicks {
  readonly #holders = new Map<Nick, string>();
  readonly #taken = new Map<Nick, number>();

  /** The user that holds the nick, if any. */
  holder(nick: Nick): string | undefined {
    return this.#holders.get(nick);
  }

  /** Makes a new user who holds the nick, which must be free. */
  take(nick: Nick): string {
    const number = (this.#taken.get(nick) ?? 0) + 1;
    this.#taken.set(nick, number);
    const user = userId(nick, number);
    this.#holders.set(nick, user);
    return user;
  }

  /** The holder of `from` has the nick `to` from here on. */
  rename(from: Nick, to: Nick): void {
    const user = this.#holders.get(from);
    if (user === undefined) throw new Error(`nobody holds the nick ${from}`);
    this.#holders.delete(from);
    this.#holders.set(to, user);
  }
}

/** Longest escaped nick, in bytes, that stands in a user id (128 at most) as it is; a longer one is hashed. */
const maxNickBytes = 100;

/**
 * Different nicks give different ids. Printable ASCII stands for itself, except the escape `%` and the `~` before the
 * number; any other byte becomes %XX, since a nick may be no UTF-8 or hold control characters, which ids may not.
 */
export function userId(nick: Nick, number: number): string {
  const escaped = nick.replace(/[^!-$&-}]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
  const name = escaped.length <= maxNickBytes ? escaped : `%%${createHash('sha256').update(escaped).digest('hex')}`;
  return number === 1 ? `irc:${name}` : `irc:${name}~${number}`;
}
