import type { LogId } from '../core/ids.ts';
import type { Row } from '../core/rows.ts';
import type { Store } from '../store/store.ts';

const rowsPerRead = 2_000;

/** All present rows of a log whose keys begin with the prefix, in ascending order of keys, up to 2,000 at a time. `after`: above this whole key. */
export async function* rowsUnder(
  store: Store,
  log: LogId,
  prefix: string,
  { after = '', signal }: { readonly after?: string; readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<readonly Row[]> {
  for (let from = after; ;) {
    const rows = await store.rows(log, { prefix, after: from, limit: rowsPerRead }, signal);
    if (rows.length > 0) yield rows;
    if (rows.length < rowsPerRead) return;
    from = rows.at(-1)?.key ?? '';
  }
}
