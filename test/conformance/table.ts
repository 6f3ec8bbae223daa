// The table of what the rows came to.
import { type CarrierName, carrierNames, carriers } from './carriers.ts';
import type { Outcome, RowResult } from './suite.ts';

/** A row is unequal when a carrier does not do what the table of carriers says of it. */
export function isUnequal({ outcomes }: RowResult): boolean {
  return Object.values(outcomes).some(({ kind }) => kind === 'failed');
}

/** The table, and the line that sums it up. `absent`: carriers that were not run, with the reason. */
export function tableOf(results: readonly RowResult[], absent: Partial<Record<CarrierName, string>>): string[] {
  const names = carrierNames.filter((name) => absent[name] === undefined);
  const width = Math.max(...results.map(({ name }) => name.length));
  const cells = (first: string, others: readonly string[]): string =>
    [first.padEnd(width), ...others.map((other) => other.padEnd(14))].join('  ').trimEnd();
  const whys = results.flatMap(({ name, outcomes }) =>
    Object.entries(outcomes).flatMap(([carrier, outcome]) =>
      outcome.kind === 'passed' ? [] : [`${name}, ${carrier}: ${outcome.why}`],
    ),
  );
  const passed = (carrier: CarrierName): number =>
    results.filter(({ outcomes }) => outcomes[carrier]?.kind === 'passed').length;
  return [
    ...carrierNames.map((name) => `${name.padEnd(width)}  ${howOf(name, absent)}`),
    '',
    cells('row', names),
    ...results.map(({ name, outcomes }) =>
      cells(
        name,
        names.map((carrier) => cellOf(outcomes[carrier])),
      ),
    ),
    cells(
      'passed',
      names.map((carrier) => `${passed(carrier)} of ${results.length}`),
    ),
    '',
    ...whys,
    `conformance: rows=${results.length} native=${passed('native')} web=${passed('web')} unequal=${results.filter(isUnequal).length}`,
  ];
}

function howOf(name: CarrierName, absent: Partial<Record<CarrierName, string>>): string {
  const { how } = carriers[name];
  return absent[name] === undefined ? how : `${how}; not run: ${absent[name]}`;
}

function cellOf(outcome: Outcome | undefined): string {
  return outcome?.kind === 'passed' ? `passed ${(outcome.ms / 1000).toFixed(1)} s` : (outcome?.kind ?? '');
}
