// Starts the Cassandra that all tests of a run share, before the first file of a run that has one that needs it.
import type { TestProject } from 'vitest/node';
import { type Cassandra, startCassandra } from '../../platform/cassandra.ts';
import { isSkipped } from './skip.ts';

declare module 'vitest' {
  interface ProvidedContext {
    cassandra: { readonly contactPoints: readonly string[]; readonly dataCenter: string; readonly isOurs: boolean };
  }
}

/** CASSANDRA_CONTACT_POINTS (host:port, a comma list) and CASSANDRA_DATA_CENTER name one that is there already. */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (isSkipped('cassandra')) return undefined;
  const there = process.env['CASSANDRA_CONTACT_POINTS'];
  if (there !== undefined && there !== '') {
    const dataCenter = process.env['CASSANDRA_DATA_CENTER'] ?? 'datacenter1';
    project.provide('cassandra', { contactPoints: there.split(','), dataCenter, isOurs: false });
    return undefined;
  }
  // Nothing here kills it, so it need not sync before it answers.
  const cassandra: Cassandra = await startCassandra({ commitLog: 'periodic', isShortLived: true });
  const { contactPoints, dataCenter } = cassandra;
  project.provide('cassandra', { contactPoints, dataCenter, isOurs: true });
  return () => cassandra.stop();
}
