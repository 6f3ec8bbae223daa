import { randomBytes } from 'node:crypto';
import { type Client, errors, types } from 'cassandra-driver';
import type { Store } from '../store.ts';
import { CassandraStore } from './cassandra-store.ts';
import { epochOf, isRestored, makeEpoch, once, refuseUnfinished, usersFilled } from './deployment.ts';
import { failureOf, isUnavailable } from './failures.ts';
import { openKeyspace } from './keyspace.ts';
import { type CassandraStoreOptions, type StoreLog, StoreSetupError } from './options.ts';
import { inKeyspace, onBareClient, openingOf } from './open.ts';
import { Positions } from './positions.ts';
import { applySchema } from './schema.ts';

/**
 * Opens the store on a Cassandra cluster: makes the keyspace and brings its tables up to date when needed.
 * @throws StoreSetupError when the set-up has to be changed; Refusal STORE_UNAVAILABLE while the cluster does not answer
 */
export async function openCassandraStore(options: CassandraStoreOptions): Promise<Store> {
  const opening = openingOf(options);
  const { keyspace, clock, log } = opening;
  const prepare = async (client: Client): Promise<void> => {
    await openKeyspace(client, keyspace, options);
    await applySchema(client, keyspace, clock, log);
    await adviseOn(client, log);
  };
  await onBareClient(opening, prepare, (error) => setupErrorOf(error, options) ?? failureOf(error));
  return inKeyspace(opening, async (cluster) => {
    await refuseUnfinished(cluster, keyspace);
    await once(cluster, usersFilled, async () => {
      // A new one has nothing to copy.
      if ((await epochOf(cluster)) === undefined) return;
      log.info({ keyspace }, 'copying positions to their users: a keyspace of before has them with threads alone');
      await new Positions(cluster).fillUsers();
    });
    const epoch = await makeEpoch(cluster, clock.nowMs());
    const trustsHints = !(await isRestored(cluster));
    return new CassandraStore({ cluster, clock, log, epoch, opening: randomBytes(8), trustsHints });
  });
}

/** Settings of the nodes that only an operator can change. */
async function adviseOn(client: Client, log: StoreLog): Promise<void> {
  const query = "SELECT name, value FROM system_views.settings WHERE name IN ('paxos_variant', 'commitlog_sync')";
  const { rows } = await client.execute(query, [], { consistency: types.consistencies.one });
  const settings = new Map(rows.map((row) => [row['name'] as string, row['value'] as string]));
  const variant = settings.get('paxos_variant');
  if (variant !== undefined && variant !== 'v2') {
    log.warn({ paxosVariant: variant }, 'appends are faster and surer with paxos_variant: v2 in cassandra.yaml');
  }
  if (settings.get('commitlog_sync') === 'periodic') {
    const message =
      'with commitlog_sync: periodic a Cassandra node that is killed forgets up to 100 ms of what it acknowledged, and one ' +
      'that loses power more: messages can be lost. Set commitlog_sync: group';
    log.warn({ commitlogSync: 'periodic' }, message);
  }
}

/** For what trying again does not help against. */
function setupErrorOf(error: unknown, options: CassandraStoreOptions): StoreSetupError | undefined {
  if (error instanceof errors.NoHostAvailableError) {
    for (const cause of Object.values(error.innerErrors as Readonly<Record<string, Error>>)) {
      const why =
        cause instanceof errors.AuthenticationError
          ? `refuses the user or the password: ${cause.message}`
          : isDistrust(cause)
            ? `has a certificate that is not trusted: ${cause.message}`
            : undefined;
      if (why !== undefined) return new StoreSetupError(`Cassandra ${why}`, { cause: error });
    }
    return undefined;
  }
  if (isUnavailable(error) || !(error instanceof errors.ArgumentError)) return undefined;
  const message = `Cassandra at ${options.contactPoints.join(', ')} cannot be used: ${error.message}`;
  return new StoreSetupError(message, { cause: error });
}

function isDistrust(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_)/.test(code ?? '');
}
