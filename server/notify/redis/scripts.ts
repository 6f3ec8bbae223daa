import { Script } from '../../redis/script.ts';

export type ScriptName = 'put' | 'take' | 'settle' | 'withdraw' | 'quota' | 'letters' | 'revive' | 'forget';
export type Scripts = Readonly<Record<ScriptName, Script>>;

/** The scripts in `lua/`, whose headers say what they take and give. */
export function loadScripts(): Scripts {
  const load = (name: ScriptName): Script => new Script(new URL(`../lua/${name}.lua`, import.meta.url));
  return {
    put: load('put'),
    take: load('take'),
    settle: load('settle'),
    withdraw: load('withdraw'),
    quota: load('quota'),
    letters: load('letters'),
    revive: load('revive'),
    forget: load('forget'),
  };
}
