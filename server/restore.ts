// `npm run restore -- --from FILE`: makes a store from a backup, where there is none yet, under a new epoch.
import { failWith, openTarget, progressOf, readAsked } from './app/backup.ts';
import { systemClock as clock } from './core/clock.ts';
import { shown } from './store/backup/file.ts';
import { loadBackup } from './store/backup/load.ts';

const usage = `npm run restore -- --from FILE [--data FOLDER]
  --from FILE     a backup, of either kind of store; it is checked whole before anything is written
  --data FOLDER   of npm start, whose store goes into it (default: PARLEY_DATA, the store's folder itself)
The store is chosen by the settings of a node: PARLEY_STORE, PARLEY_CASSANDRA_…. It must be empty: a folder without files, a
keyspace without tables. No node may run on it before this has ended. Clients start over: the restored store has a new epoch.`;

try {
  const asked = readAsked('from', usage, process.argv.slice(2), process.env);
  const show = progressOf(clock);
  const { header, counts, epoch } = await loadBackup(asked.file, {
    clock,
    open: () => openTarget(asked, clock),
    onProgress: (phase, bytes, of) => show(() => `${phase}: ${bytes} of ${of} bytes`),
  });
  const made = new Date(header.createMs).toISOString();
  process.stdout.write(`restore: ${shown(counts)} backup=${made} epoch=${epoch} was=${header.epoch}\n`);
} catch (error) {
  failWith(error);
}
