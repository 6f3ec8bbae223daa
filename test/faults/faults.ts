// All faults, by name.
import type { Fault } from './fault.ts';
import { lineFaults } from './line-faults.ts';
import { nodeFaults } from './node-faults.ts';
import { otherFaults } from './other-faults.ts';
import { redisFaults } from './redis-faults.ts';

export const faults: readonly Fault[] = [...nodeFaults, ...redisFaults, ...otherFaults, ...lineFaults];
