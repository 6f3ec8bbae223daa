import { Script } from '../../redis/script.ts';

export type ScriptName = 'publish' | 'range' | 'delete' | 'pin' | 'pinned' | 'listeners';
export type Scripts = Readonly<Record<ScriptName, Script>>;

/** The scripts in `lua/`, whose headers say what they take and give. */
export function loadScripts(): Scripts {
  const load = (name: ScriptName): Script => new Script(new URL(`../lua/${name}.lua`, import.meta.url));
  return {
    publish: load('publish'),
    range: load('range'),
    delete: load('delete'),
    pin: load('pin'),
    pinned: load('pinned'),
    listeners: load('listeners'),
  };
}
