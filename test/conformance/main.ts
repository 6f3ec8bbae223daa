// `npm run conformance`: the same scenarios over every carrier that is here, as a table. `-- drain` runs the rows with that in their
// names; PARLEY_SKIP=firefox,webkit leaves browsers out. Exit code 0 only when no row is unequal, 2 when no row has that name.
import { absentHere } from './browsers/browsers.ts';
import { carrierNames } from './carriers.ts';
import { type RowResult, rows, Suite } from './suite.ts';
import { isUnequal, tableOf } from './table.ts';

const [, , wanted = ''] = process.argv;
const chosen = rows.filter(({ name }) => name.includes(wanted));
if (chosen.length === 0) {
  console.error(
    `conformance: no row has "${wanted}" in its name. There are:\n  ${rows.map(({ name }) => name).join('\n  ')}`,
  );
  process.exit(2);
}
const absent = absentHere();
const browsers = carrierNames.filter((name) => name !== 'native').filter((name) => absent[name] === undefined);
console.error(
  `conformance: starting two nodes with Cassandra, Redis and Envoy, and browsers: ${browsers.join(', ')} …`,
);
const suite = await Suite.start(browsers);
let results: RowResult[];
try {
  results = await suite.run(chosen, ({ name }, carrier) => console.error(`conformance: ${name}, ${carrier}`));
} finally {
  await suite[Symbol.asyncDispose]();
}
console.log(tableOf(results, absent).join('\n'));
process.exitCode = results.some(isUnequal) ? 1 : 0;
