// What `npm start` and `npm test` run first: installs what this machine lacks, says what it does, and stops with the
// one command to type when it cannot. Plain JavaScript, because it may run under the machine's own Node (20 or later)
// before the pinned one is there. With everything in place it takes about a tenth of a second and prints nothing.
//
//   node platform/install.mjs [--cluster | --browser | --browsers | --test]
//       --cluster adds what several nodes stand on; --browser adds that and Chromium, --browsers Firefox and WebKitGTK too where
//       that can be; --test adds what --browser does and what only the tests need
//   PARLEY_CACHE=DIR                        where downloads go (default ./.cache)
//   PARLEY_SKIP=java,maven                  components that may be missing
//
// Exit code 0: everything is there. 1: something is missing or broken, and a line says what to do.
import { components } from './install/components.mjs';
import { holdInstallLock } from './install/lock.mjs';
import { Refusal, say } from './install/run.mjs';

const [, , wish] = process.argv;
const needs = {
  '--cluster': ['start', 'cluster'],
  '--browser': ['start', 'cluster', 'browser'],
  '--browsers': ['start', 'cluster', 'browser', 'browsers'],
  '--test': ['start', 'cluster', 'browser', 'test'],
};
// Without a wish, or with one that is none, what a start needs.
const purposes = needs[wish] ?? ['start'];
const skipped = new Set((process.env.PARLEY_SKIP ?? '').split(',').map((name) => name.trim()));

async function main() {
  const wanted = components.filter((c) => purposes.includes(c.for) && !skipped.has(c.name));
  if (wanted.every((component) => component.present())) return;
  const lock = await holdInstallLock();
  try {
    // Asked again: another installer may have been at work while this one waited.
    for (const component of wanted) {
      if (component.present()) continue;
      try {
        install(component);
      } catch (error) {
        if (!(error instanceof Refusal) || !component.spare) throw error;
        say(`${error.message} It is done without.`);
      }
    }
  } finally {
    lock.release();
  }
}

function install({ name, why, present, install: make, remedy }) {
  if (!make) throw new Refusal(`${name} is missing: ${why}.`, remedy());
  make();
  if (!present()) throw new Refusal(`${name} was installed but still does not answer.`, remedy());
}

try {
  await main();
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(`\nparley: ${error.message}`);
  if (error.remedy) console.error(`        ${error.remedy.replaceAll('\n', '\n        ')}`);
  process.exitCode = 1;
}
