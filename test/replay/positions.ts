/** What authors were told of the others: up to where each has the thread, and has read it. */
import type { ExpectedMessage } from './expected.ts';
import type { Tally } from './tally.ts';
import type { Window } from './windows.ts';

interface Position {
  delivered: number;
  read: number;
}

export class Positions {
  readonly #told = new Map<string, Map<string, Position>>();

  /** Positions only grow: the highest told counts. */
  add(observer: string, told: Position & { user: string }): void {
    let users = this.#told.get(observer);
    if (!users) this.#told.set(observer, (users = new Map()));
    const known = users.get(told.user);
    users.set(told.user, {
      delivered: Math.max(known?.delivered ?? 0, told.delivered),
      read: Math.max(known?.read ?? 0, told.read),
    });
  }

  of(observer: string, user: string): Position {
    return this.#told.get(observer)?.get(user) ?? { delivered: 0, read: 0 };
  }
}

/** Who joined after the last message has, as a member from then on, a position beyond it. */
export function checkPositions(
  label: string,
  positions: Positions,
  windows: ReadonlyMap<string, Window[]>,
  sequenceOf: ReadonlyMap<ExpectedMessage, number>,
  tally: Tally,
): void {
  let last = 0;
  for (const sequence of sequenceOf.values()) last = Math.max(last, sequence);
  const members = [...windows].filter(([, own]) => own.at(-1)?.before === Infinity).map(([user]) => user);
  const authors = new Set([...sequenceOf.keys()].map((message) => message.user));
  for (const author of members.filter((user) => authors.has(user))) {
    for (const member of members) {
      if (member === author) continue;
      const { delivered, read } = positions.of(author, member);
      if (delivered >= last && read >= last) continue;
      tally.count(
        'lost',
        () =>
          `the state of ${label} for ${author}: ${member} has it delivered to ${delivered} and read to ${read} of ${last}`,
      );
    }
  }
}
