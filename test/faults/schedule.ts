// Which faults happen, in which order, singly or two at a time: drawn from the seed.
import type { Fault } from './fault.ts';
import type { Chance } from './world.ts';

/** Endless: every fault once before one comes again. */
export function* turns(faults: readonly Fault[], chance: Chance): Generator<readonly Fault[], never> {
  let left: Fault[] = [];
  const draw = (fits: (fault: Fault) => boolean): Fault | undefined => {
    const fitting = left.filter(fits);
    const one = fitting[chance(Math.max(1, fitting.length))];
    left = left.filter((fault) => fault !== one);
    return one;
  };
  for (;;) {
    if (left.length === 0) left = [...faults];
    const first = draw(() => true) as Fault;
    const second = chance(3) === 0 ? draw(({ place }) => place !== first.place) : undefined;
    yield second === undefined ? [first] : [first, second];
  }
}
