import type { Stage } from './stage.ts';

/** One behaviour that every carrier has. */
export interface Row {
  readonly name: string;
  /** It breaks what all stand on: nothing else runs meanwhile. */
  readonly disturbs?: true;
  /** Throws where the carrier does not behave so. */
  run(stage: Stage): Promise<void>;
}
