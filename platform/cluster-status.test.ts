import { describe, expect, it } from 'vitest';
import { type PartStatus, tableOf } from './cluster-status.ts';

const part = (over: Partial<PartStatus>): PartStatus => ({
  name: 'node n1',
  address: '127.0.0.1:1',
  pid: 7,
  state: 'ready',
  isWell: true,
  cpuS: 10,
  memoryMib: 100,
  ...over,
});
const figures = { sessions: 3, topics: 4, calls: 100, owed: 0 };

describe('The table of a cluster', () => {
  it('tells what each process used since the look before', () => {
    const before = [part({ node: figures })];
    const now = [part({ cpuS: 11, node: { ...figures, calls: 150 } })];
    expect(tableOf(now, before, 2).split('\n')[1]?.split(/ {2,}/)).toEqual([
      'node n1',
      '127.0.0.1:1',
      '7',
      'ready',
      '50',
      '100',
      '3',
      '4',
      '25',
      '0',
    ]);
  });

  it('claims nothing about a process that has just begun or is gone', () => {
    const before = [part({ pid: 6, cpuS: 900 }), part({})];
    const now = [part({}), part({ pid: undefined, state: 'gone', cpuS: undefined, memoryMib: undefined })];
    const [, begun, gone] = tableOf(now, before, 1)
      .split('\n')
      .map((line) => line.split(/ {2,}/));
    expect([begun?.[4], gone?.slice(2, 6)]).toEqual(['-', ['-', 'gone', '-', '-']]);
  });
});
