import type { Item } from '../../core/fold.ts';

/** The newest lines without a message missing between them. */
export function newestRun(items: readonly Item[]): readonly Item[] {
  let from = items.length - 1;
  while (from > 0) {
    const item = items[from];
    const before = items[from - 1];
    if (item === undefined || before === undefined || firstOrdinal(item) > ordinalOf(before) + 1n) break;
    from -= 1;
  }
  return items.slice(Math.max(0, from));
}

function ordinalOf(item: Item): bigint {
  return item.kind === 'message' ? item.message.ordinal : item.entry.ordinal;
}

/** The ordinal of the first message that the line leaves none missing before: a change has that of the message before it. */
function firstOrdinal(item: Item): bigint {
  return item.kind === 'message' ? item.message.ordinal : item.entry.ordinal + 1n;
}
