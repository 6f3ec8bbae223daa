/** How things go in a run just now. Likelihoods are 0 to 1. */
export interface Weather {
  /** How long the store and the bus take, as a multiple of calm. */
  slowness: number;
  /** A call of the store is refused before it had any effect. */
  storeRefuses: number;
  /** A write of the store has no answer: it took effect, will, or never does. */
  storeInDoubt: number;
  /** An event does not reach one of its nodes, and nobody is told. */
  busLoses: number;
  busRepeats: number;
  /** An answer to a unary call is lost on its way. */
  answersLost: number;
}

export const calm: Readonly<Weather> = {
  slowness: 1,
  storeRefuses: 0,
  storeInDoubt: 0,
  busLoses: 0,
  busRepeats: 0,
  answersLost: 0,
};

export const rough: Readonly<Weather> = {
  slowness: 2,
  storeRefuses: 0.01,
  storeInDoubt: 0.03,
  busLoses: 0.05,
  busRepeats: 0.05,
  answersLost: 0.05,
};
