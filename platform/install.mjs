// What `npm start` and `npm test` run first: installs what this machine lacks, says what it does, and stops with the
// one command to type when it cannot. Plain JavaScript, because it may run under the machine's own Node (20 or later)
// before the pinned one is there. With everything in place it takes about a tenth of a second and prints nothing.
//
//   node platform/install.mjs [--cluster | --browser | --test]
//       --cluster adds what several nodes stand on; --browser adds that and Chromium; --test adds all that and what only the tests need
//   PARLEY_CACHE=DIR                        where downloads go (default ./.cache)
//   PARLEY_SKIP=java,maven                  components that may be missing
//
// Exit code 0: everything is there. 1: something is missing or broken, and a line says what to do.
import { components } from './install/components.mjs';
import { holdInstallLock } from './install/lock.mjs';
import { Refusal } from './install/run.mjs';

const [, , wish] = process.argv;
const all = ['start', 'cluster', 'browser', 'test'];
// Without a wish, or with one that is none, what a start needs.
const purposes = all.slice(0, Math.max(0, all.indexOf(wish?.slice(2))) + 1);
const skipped = new Set((process.env.PARLEY_SKIP ?? '').split(',').map((name) => name.trim()));

async function main() {
  const wanted = components.filter((c) => purposes.includes(c.for) && !skipped.has(c.name));
  if (wanted.every((component) => component.present())) return;
  const lock = await holdInstallLock();
  try {
    // Asked again: another installer may have been at work while this one waited.
    for (const component of wanted) {
      if (component.present()) continue;
      if (!component.install) throw new Refusal(`${component.name} is missing: ${component.why}.`, component.remedy());
      component.install();
      if (!component.present()) {
        throw new Refusal(`${component.name} was installed but still does not answer.`, component.remedy());
      }
    }
  } finally {
    lock.release();
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(`\nparley: ${error.message}`);
  if (error.remedy) console.error(`        ${error.remedy.replaceAll('\n', '\n        ')}`);
  process.exitCode = 1;
}
