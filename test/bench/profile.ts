// Reads V8's CPU profiles: which functions the time went to.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame }[];
  /** The node that was running at each sample. */
  readonly samples: readonly number[];
  /** µs between a sample and the one before it. */
  readonly timeDeltas: readonly number[];
}

interface Frame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

export interface SelfTime {
  readonly name: string;
  /** Share of the time in which anything ran. */
  readonly share: number;
}

/** Functions by the time spent in themselves, most first. Waiting for work is not time. */
export function selfTimes(profile: Profile): SelfTime[] {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const times = new Map<string, number>();
  let total = 0;
  profile.samples.forEach((node, i) => {
    const name = names.get(node) ?? '?';
    const time = profile.timeDeltas[i] ?? 0;
    if (name === '(idle)') return;
    total += time;
    times.set(name, (times.get(name) ?? 0) + time);
  });
  return [...times].map(([name, time]) => ({ name, share: time / total })).toSorted((a, b) => b.share - a.share);
}

function nameOf({ functionName, url, lineNumber }: Frame): string {
  const place = url.replace(/^file:\/\//, '').replace(/^.*?\/((server|proto|node_modules)\/)/, '$1');
  const name = functionName === '' ? '(anonymous)' : functionName;
  return place === '' ? name : `${name} ${place}:${lineNumber + 1}`;
}

/** The newest profile of a folder, as lines for people. */
export function describeProfile(folder: string, count: number): string {
  const newest = readdirSync(folder)
    .filter((file) => file.endsWith('.cpuprofile'))
    .toSorted()
    .at(-1);
  if (newest === undefined) return `no CPU profile in ${folder}`;
  const profile = JSON.parse(readFileSync(path.join(folder, newest), 'utf8')) as Profile;
  const rows = selfTimes(profile).slice(0, count);
  return [newest, ...rows.map(({ name, share }) => `${(share * 100).toFixed(1).padStart(5)} %  ${name}`)].join('\n');
}
