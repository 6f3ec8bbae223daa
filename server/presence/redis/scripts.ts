import { Script } from '../../redis/script.ts';

export type ScriptName =
  | 'write'
  | 'sweep'
  | 'acquire'
  | 'refresh'
  | 'living'
  | 'node'
  | 'nodes'
  | 'claim'
  | 'release'
  | 'mark';
export type Scripts = Readonly<Record<ScriptName, Script>>;

/** The scripts in `lua/`, whose headers say what they take and give. */
export function loadScripts(): Scripts {
  const load = (name: ScriptName): Script => new Script(new URL(`../lua/${name}.lua`, import.meta.url));
  return {
    write: load('write'),
    sweep: load('sweep'),
    acquire: load('acquire'),
    refresh: load('refresh'),
    living: load('living'),
    node: load('node'),
    nodes: load('nodes'),
    claim: load('claim'),
    release: load('release'),
    mark: load('mark'),
  };
}
