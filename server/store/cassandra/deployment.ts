import { type Cluster, UnknownOutcome } from './cluster.ts';
import { unavailable } from './failures.ts';

const read = 'SELECT value FROM deployment WHERE name = ?';
const write = 'INSERT INTO deployment (name, value) VALUES (?, ?) IF NOT EXISTS';
const maxTries = 8;

/** A value of the deployment, made by `make` if there is none. Of several that make it at once, all get the first. */
export async function valueOf(cluster: Cluster, name: string, make: () => Uint8Array): Promise<Uint8Array> {
  const [known] = await cluster.read(read, [name]);
  if (known !== undefined) return bytesOf(known['value']);
  const made = Buffer.from(make());
  let cause: unknown;
  for (let tries = 0; tries < maxTries; tries++) {
    try {
      const verdict = await cluster.conditional([{ query: write, params: [name, made] }]);
      if (verdict.applied) return Uint8Array.from(made);
      return bytesOf(verdict.rows[0]?.['value']);
    } catch (error) {
      if (!(error instanceof UnknownOutcome)) throw error;
      // It may have been applied: then the next try is refused, and gives the value that holds.
      cause = error;
    }
  }
  throw unavailable(cause);
}

function bytesOf(value: unknown): Uint8Array {
  return Uint8Array.from(value as Buffer);
}
