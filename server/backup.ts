// `npm run backup -- --to FILE`: writes everything that the store holds to a file. Nodes may run meanwhile.
import { failWith, openSource, progressOf, readAsked } from './app/backup.ts';
import { systemClock as clock } from './core/clock.ts';
import { shown } from './store/backup/file.ts';
import { saveBackup } from './store/backup/save.ts';

const usage = `npm run backup -- --to FILE [--data FOLDER]
  --to FILE       must not exist; written as FILE.partial until it is whole. As secret as the store: it holds messages and keys
  --data FOLDER   of npm start, whose store is in it (default: PARLEY_DATA, the store's folder itself)
The store is chosen by the settings of a node: PARLEY_STORE, PARLEY_CASSANDRA_…. Nodes may run meanwhile.`;

try {
  const asked = readAsked('to', usage, process.argv.slice(2), process.env);
  const show = progressOf(clock);
  await using source = await openSource(asked, clock);
  const { counts, bytes } = await saveBackup(source, asked.file, {
    clock,
    onProgress: (saved) =>
      show(() => `${saved.counts.logs} logs, ${saved.counts.entries} entries, ${saved.bytes} bytes`),
  });
  process.stdout.write(
    `backup: ${shown(counts)} bytes=${bytes} store=${source.store} epoch=${source.epoch} file=${asked.file}\n`,
  );
} catch (error) {
  failWith(error);
}
