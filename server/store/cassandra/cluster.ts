import { type Client, errors, policies, types } from 'cassandra-driver';
import { type Clock, pause } from '../../core/clock.ts';
import { Refusal, throwIfAborted } from '../../core/errors.ts';
import { failureOf, isUnavailable } from './failures.ts';
import { Health } from './health.ts';
import type { StoreLog } from './options.ts';
import { Pace } from './pace.ts';

export type Params = readonly unknown[];
export type Row = Readonly<Record<string, unknown>>;

export interface Statement {
  readonly query: string;
  readonly params: Params;
}

/** What a conditional batch came to: `rows` are those that its conditions named, when it was not applied. */
export type Verdict = { readonly applied: true } | { readonly applied: false; readonly rows: readonly Row[] };

/** It is not known whether a conditional write was applied, or will yet be. */
export class UnknownOutcome extends Error {
  override readonly name = 'UnknownOutcome';
}

/** How long it is borne that no node is up. Reconnecting takes half a second at first. */
const noNodeMs = 1_500;

export interface ClusterOptions {
  readonly client: Client;
  readonly consistency: 'local-quorum' | 'quorum';
  readonly clock: Clock;
  readonly log: StoreLog;
}

/** The keyspace as the tables see it: prepared statements at the deployment's consistency, and failures in Parley's words. */
export class Cluster {
  readonly #client: Client;
  readonly #consistency: number;
  readonly #serial: number;
  readonly #health: Health;
  readonly #clock: Clock;
  readonly #pace = new Pace();
  #closed = false;
  readonly #never = new policies.retry.FallthroughRetryPolicy();

  constructor({ client, consistency, clock, log }: ClusterOptions) {
    this.#client = client;
    this.#clock = clock;
    const { localQuorum, localSerial, quorum, serial } = types.consistencies;
    this.#consistency = consistency === 'quorum' ? quorum : localQuorum;
    this.#serial = consistency === 'quorum' ? serial : localSerial;
    this.#health = new Health(clock, log, () => this.#probe());
  }

  get health(): { readonly writable: boolean; readonly why: string } {
    return this.#health.now;
  }

  /** Rows of one partition. At most `limit`, which the query names too. */
  async read(query: string, params: Params, signal?: AbortSignal, limit = 5_000): Promise<readonly Row[]> {
    throwIfAborted(signal);
    const asked = this.#execute(query, params, this.#consistency, limit);
    return signal === undefined ? asked : unlessAborted(asked, signal);
  }

  /** Every row of one partition. */
  async readAll(query: string, params: Params, signal?: AbortSignal): Promise<readonly Row[]> {
    const rows: Row[] = [];
    for await (const page of this.pages(query, params, signal)) rows.push(...page);
    return rows;
  }

  /** All rows, page by page. */
  async *pages(query: string, params: Params, signal?: AbortSignal): AsyncGenerator<readonly Row[]> {
    let pageState: string | undefined;
    do {
      throwIfAborted(signal);
      const options = {
        prepare: true,
        isIdempotent: true,
        consistency: this.#consistency,
        fetchSize: 2_000,
        ...(pageState === undefined ? {} : { pageState }),
      };
      const page = await this.#guard(() => this.#client.execute(query, [...params], options));
      if (page.rows !== undefined && page.rows.length > 0) yield page.rows as unknown as readonly Row[];
      pageState = page.pageState ?? undefined;
    } while (pageState !== undefined);
  }

  /** Reads what is decided: conditional writes that are under way are brought to an end first. */
  readSerial(query: string, params: Params): Promise<readonly Row[]> {
    return this.#execute(query, params, this.#serial, 5_000);
  }

  /** A write that may be applied again without harm. */
  async write(query: string, params: Params): Promise<void> {
    const options = { prepare: true, isIdempotent: true, consistency: this.#consistency };
    await this.#guard(() => this.#client.execute(query, [...params], options));
    this.#health.worked();
  }

  /** Several such writes in one request: as one where they are to one partition of one table. */
  async writeTogether(statements: readonly Statement[]): Promise<void> {
    const options = { prepare: true, isIdempotent: true, logged: false, consistency: this.#consistency };
    await this.#guard(() => this.#client.batch(asQueries(statements), options));
    this.#health.worked();
  }

  /** Conditional writes to one partition, as one. Never sent twice. @throws UnknownOutcome */
  async conditional(statements: readonly Statement[]): Promise<Verdict> {
    const options = {
      prepare: true,
      isIdempotent: false,
      consistency: this.#consistency,
      serialConsistency: this.#serial,
      logged: false,
      retry: this.#never,
      readTimeout: this.#pace.patienceMs,
    };
    this.#refuseWhenClosed();
    const beganMs = this.#clock.monotonicMs();
    let result: types.ResultSet;
    try {
      result = await this.#client.batch(asQueries(statements), options);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      this.#health.failed(error);
      throw new UnknownOutcome('a conditional write has no answer', { cause: error });
    } finally {
      this.#pace.took(this.#clock.monotonicMs() - beganMs);
    }
    this.#health.worked();
    const rows = (result.rows ?? []) as unknown as readonly Row[];
    return rows[0]?.['[applied]'] === true ? { applied: true } : { applied: false, rows };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#health.close();
    await this.#client.shutdown();
  }

  async #execute(query: string, params: Params, consistency: number, fetchSize: number): Promise<readonly Row[]> {
    const options = { prepare: true, isIdempotent: true, consistency, fetchSize };
    const result = await this.#guard(() => this.#client.execute(query, [...params], options));
    return (result.rows ?? []) as unknown as readonly Row[];
  }

  /** What may be done twice is done again while the driver has no node up: that passes when a connection was only broken. */
  async #guard(ask: () => Promise<types.ResultSet>): Promise<types.ResultSet> {
    const endMs = this.#clock.monotonicMs() + noNodeMs;
    for (;;) {
      this.#refuseWhenClosed();
      try {
        return await ask();
      } catch (error) {
        const isOver = !this.health.writable || this.#clock.monotonicMs() > endMs;
        if (isOver || !(error instanceof errors.NoHostAvailableError)) {
          if (isUnavailable(error)) this.#health.failed(error);
          throw failureOf(error);
        }
      }
      await pause(this.#clock, noNodeMs / 10);
    }
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new Refusal('STORE_UNAVAILABLE', this.health.why);
  }

  async #probe(): Promise<void> {
    const options = { prepare: true, isIdempotent: true, consistency: this.#consistency };
    await this.#client.execute(
      'INSERT INTO deployment (name, value) VALUES (?, ?)',
      ['probe', Buffer.alloc(0)],
      options,
    );
  }
}

function asQueries(statements: readonly Statement[]): { query: string; params: unknown[] }[] {
  return statements.map(({ query, params }) => ({ query, params: [...params] }));
}

/** What was asked for goes on, but nobody waits for it, unless it is `begun` and so to be waited for. */
export function unlessAborted<Result>(
  asked: Promise<Result>,
  signal: AbortSignal,
  begun: () => boolean = () => false,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const gone = (): void => {
      if (begun()) return;
      reject(signal.reason instanceof Refusal ? signal.reason : new Refusal('CANCELLED', 'the caller cancelled'));
    };
    signal.addEventListener('abort', gone, { once: true });
    asked.then(resolve, reject).finally(() => signal.removeEventListener('abort', gone));
  });
}
