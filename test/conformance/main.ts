// `npm run conformance`: the same scenarios over every carrier, as a table. `-- drain` runs the rows with that in their names.
// Exit code 0 only when no row is unequal.
import { isUnequal, type RowResult, rows, Suite, tableOf } from './suite.ts';

const [, , wanted = ''] = process.argv;
console.error('conformance: starting two nodes with Cassandra, Redis and Envoy, and Chromium …');
const suite = await Suite.start();
let results: RowResult[];
try {
  results = await suite.run(
    rows.filter(({ name }) => name.includes(wanted)),
    ({ name }) => console.error(`conformance: ${name}`),
  );
} finally {
  await suite[Symbol.asyncDispose]();
}
console.log(tableOf(results).join('\n'));
process.exitCode = results.length === 0 || results.some(isUnequal) ? 1 : 0;
