// The order of files within a group: what takes longest begins first, so that no worker is left with it when the others are
// done. Vitest orders by size where it has not measured yet, as on a fresh clone.
import path from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const root = path.resolve(import.meta.dirname, '../..');

/** All others are shorter than these. The two clusters that take most of the machine do not begin together. */
export const longest = [
  'test/deploy/kubernetes.test.ts',
  'test/simulation/simulation.test.ts',
  'test/notify/soak.test.ts',
  'test/fault/node-paused.test.ts',
  'test/fault/drain.test.ts',
  'test/contract/registry-redis-faults.test.ts',
  'test/fault/cluster-faults.test.ts',
  'test/contract/backup-cassandra.test.ts',
  'test/fault/cassandra-killed.test.ts',
  'test/conformance/conformance.test.ts',
  'test/scenario/cluster-kill.test.ts',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const placeOf = ({ moduleId }: TestSpecification): number => {
      const at = longest.indexOf(path.relative(root, moduleId));
      return at < 0 ? longest.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => placeOf(a) - placeOf(b));
  }
}
