/** At least one. */
export function highest(...sequences: readonly bigint[]): bigint {
  return sequences.reduce((a, b) => (a > b ? a : b));
}
