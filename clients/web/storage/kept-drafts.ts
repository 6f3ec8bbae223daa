import type { Draft, DraftStore } from '../../core/draft.ts';
import { result } from './database.ts';
import type { Database } from './database.ts';

interface Row {
  /** Thread and client message id. */
  readonly id: string;
  readonly draft: Draft;
}

/**
 * Drafts of all tabs of a user. Without a disk they live as long as the page: `put` resolves all the same, and the database
 * says that nothing is kept.
 */
export class KeptDrafts implements DraftStore {
  readonly #database: Database;
  readonly #flush: () => Promise<void> | undefined;

  /** `flush`: keeps what came of drafts; undefined: another tab does. */
  constructor(database: Database, flush: () => Promise<void> | undefined) {
    this.#database = database;
    this.#flush = flush;
  }

  async load(): Promise<Draft[]> {
    const rows = await this.#database.run(['drafts'], 'readonly', (table) =>
      result(table('drafts').getAll() as IDBRequest<Row[]>),
    );
    return (rows ?? []).map(({ draft }) => draft);
  }

  async put(draft: Draft): Promise<void> {
    const id = idOf(draft.threadId, draft.clientMessageId);
    await this.#database.run(['drafts'], 'readwrite', async (table) => {
      const drafts = table('drafts');
      // Another tab's that is put again keeps its place.
      if ((await result(drafts.index('id').getKey(id))) === undefined) drafts.add({ id, draft } satisfies Row);
    });
  }

  async remove(threadId: string, clientMessageId: string): Promise<void> {
    // The server may have erased it by then: it is on disk as a line first.
    await this.#flush();
    // One that comes back is sent again and answered with what became of it the first time.
    await this.#database.run(['drafts'], 'copy', async (table) => {
      const drafts = table('drafts');
      const key = await result(drafts.index('id').getKey(idOf(threadId, clientMessageId)));
      if (key !== undefined) drafts.delete(key);
    });
  }
}

function idOf(threadId: string, clientMessageId: string): string {
  return `${threadId} ${clientMessageId}`;
}
