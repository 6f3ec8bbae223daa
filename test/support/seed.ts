/** The seed of a run that draws at random: PARLEY_SEED, or another one each time. It is printed, so that it can be repeated. */
export function seedOfRun(what: string): number {
  const asked = process.env['PARLEY_SEED'];
  const seed = asked === undefined ? crypto.getRandomValues(new Uint32Array(1))[0] : Number(asked);
  if (seed === undefined || !Number.isInteger(seed) || seed < 0) throw new Error(`PARLEY_SEED is no seed: ${asked}`);
  console.log(`${what}: PARLEY_SEED=${seed}`);
  return seed;
}
