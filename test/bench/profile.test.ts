import { expect, test } from 'vitest';
import { selfTimes } from './profile.ts';

const node = (id: number, functionName: string, url = '', lineNumber = 0) => ({
  id,
  callFrame: { functionName, url, lineNumber },
});

test('functions are listed by their own time, and idle time counts for nobody', () => {
  const profile = {
    nodes: [
      node(1, '(idle)'),
      node(2, 'append', 'file:///work/main/server/store/log.ts', 9),
      node(3, 'writev'),
      node(4, 'append', 'file:///work/main/server/store/log.ts', 9),
    ],
    samples: [1, 2, 3, 4, 1],
    timeDeltas: [900, 50, 25, 25, 900],
  };
  expect(selfTimes(profile)).toEqual([
    { name: 'append server/store/log.ts:10', share: 0.75 },
    { name: 'writev', share: 0.25 },
  ]);
});
