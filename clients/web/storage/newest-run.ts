import type { Item } from '../../core/fold.ts';

/** The newest lines without a message missing between them. */
export function newestRun(items: readonly Item[]): readonly Item[] {
  const from = items.findLastIndex((item, at) => {
    const before = items[at - 1];
    return before !== undefined && firstOrdinal(item) > ordinalOf(before) + 1n;
  });
  return items.slice(Math.max(0, from));
}

function ordinalOf(item: Item): bigint {
  return item.kind === 'message' ? item.message.ordinal : item.entry.ordinal;
}

/** The ordinal of the first message that the line leaves none missing before: a change has that of the message before it. */
function firstOrdinal(item: Item): bigint {
  return item.kind === 'message' ? item.message.ordinal : item.entry.ordinal + 1n;
}
