import { readConfig } from '../../../server/config.ts';
import type { Config } from '../../../server/config.ts';

/** What a node makes of the environment that a deployment gives it. Throws what the node would refuse to start with. */
export function nodeConfigOf(env: Readonly<Record<string, string>>): { config: Config; files: string[] } {
  const files: string[] = [];
  const given = Object.entries(env)
    .filter(([name]) => name.startsWith('PARLEY_'))
    .map(([name, value]) => {
      if (!name.endsWith('_FILE')) return [name, value];
      files.push(value);
      // The files are the deployment's secrets: something stands in them.
      return [name.slice(0, -'_FILE'.length), `text of ${value}`];
    });
  return { config: readConfig(Object.fromEntries(given) as Record<string, string>), files };
}
