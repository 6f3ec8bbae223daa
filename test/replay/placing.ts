/** Which message of the expectation stands at which sequence, by what authors were told and, failing that, by what was heard. */
import type { ExpectedMessage } from './expected.ts';
import { type Content, sameContent, type ThreadHearings } from './heard.ts';
import type { Tally } from './tally.ts';

export interface Placing {
  sequenceOf: ReadonlyMap<ExpectedMessage, number>;
  messageAt: ReadonlyMap<number, ExpectedMessage>;
  /** Sequences at which something stands that a message in its own place says already. */
  copies: ReadonlySet<number>;
}

/** `sent`: by ref, the sequences that the author was told, each once, in the order told. */
export function placeMessages(
  label: string,
  messages: ExpectedMessage[],
  sent: ReadonlyMap<string, number[]>,
  heard: ThreadHearings,
  tally: Tally,
): Placing {
  const sequenceOf = new Map<ExpectedMessage, number>();
  const messageAt = new Map<number, ExpectedMessage>();
  const copies = new Set<number>();
  const place = (message: ExpectedMessage, sequence: number): void => {
    sequenceOf.set(message, sequence);
    messageAt.set(sequence, message);
  };
  const name = (message: ExpectedMessage): string => `${label} line ${message.ref} of ${message.user}`;

  const unanswered: ExpectedMessage[] = [];
  for (const message of messages) {
    const [first, ...others] = sent.get(message.ref) ?? [];
    if (first === undefined) {
      unanswered.push(message);
      continue;
    }
    for (const other of others) {
      copies.add(other);
      tally.count('duplicated', () => `${name(message)} was acknowledged at ${first} and again at ${other}`);
    }
    const occupant = messageAt.get(first);
    if (occupant) {
      tally.count('lost', () => `${name(message)} was acknowledged at ${first}, where line ${occupant.ref} stands`);
    } else {
      place(message, first);
    }
  }

  const says = (content: Content) => (message: ExpectedMessage) =>
    sameContent(content, { ...message, sender: message.user });
  const bySender = Map.groupBy(messages, (message) => message.user);
  const waiting = new Set(unanswered);
  for (const [sequence, content] of heard.contents()) {
    if (messageAt.has(sequence)) continue;
    const same = (bySender.get(content.sender) ?? []).filter(says(content));
    const own = same.find((message) => waiting.has(message));
    if (own) {
      waiting.delete(own);
      place(own, sequence);
    } else if (same.length > 0) {
      copies.add(sequence);
    }
  }
  for (const message of unanswered) {
    if (message.inDoubt) continue;
    const at = sequenceOf.get(message);
    tally.count('lost', () =>
      at === undefined
        ? `${name(message)} was never acknowledged and nobody heard it`
        : `${name(message)} was never acknowledged, though it was heard at ${at}`,
    );
  }
  return { sequenceOf, messageAt, copies };
}
