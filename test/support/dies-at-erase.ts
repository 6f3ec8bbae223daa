// A node's program that dies, as by kill -9, when it is about to erase a body: all that led there is stored, and nothing of it done.
import { CassandraStore } from '../../server/store/cassandra/cassandra-store.ts';
import { EmbeddedStore } from '../../server/store/embedded/embedded-store.ts';

function die(): Promise<void> {
  process.kill(process.pid, 'SIGKILL');
  // Nothing comes after it.
  return new Promise(() => {});
}

EmbeddedStore.prototype.erase = die;
CassandraStore.prototype.erase = die;

await import('../../server/main.ts');
