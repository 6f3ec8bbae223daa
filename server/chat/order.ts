/** Order of ids in lists: that of their UTF-8 bytes, as the store keeps them. */
export function compareIds(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const x = a.charCodeAt(at);
    const y = b.charCodeAt(at);
    if (x === y) continue;
    // UTF-16 puts surrogates (of characters past U+FFFF) below U+E000, UTF-8 puts them last.
    return rankOfUnit(x) - rankOfUnit(y);
  }
  return a.length - b.length;
}

function rankOfUnit(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x1_0000 : unit;
}

/** The `limit` lowest ids above `after`, ascending. */
export function pageOfIds<Id extends string>(ids: Iterable<Id>, after: string, limit: number): Id[] {
  const above: Id[] = [];
  for (const id of ids) if (after === '' || compareIds(id, after) > 0) above.push(id);
  return above.toSorted(compareIds).slice(0, limit);
}
