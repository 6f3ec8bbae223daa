// The end of a run: what stands in one log, against what was asked for and acknowledged, and who should have heard it.
import type { Fate } from './checker.ts';
import { type Hearer, identityOf, type LogCheck, type Place } from './log-check.ts';
import type { Listener, Wish } from './record.ts';
import type { Tally } from './tally.ts';
import type { Wakes } from './wakes.ts';
import { type Window, windowsOf } from './windows.ts';

export function judgeLog(
  log: LogCheck,
  fates: readonly Fate[],
  devices: readonly Listener[],
  wakes: Wakes,
  tally: Tally,
): void {
  const acknowledged = new Set(fates.flatMap(({ sequence }) => (sequence === undefined ? [] : [sequence])));
  const byRef = new Map(fates.map((fate) => [fate.wish.ref, fate]));
  for (const fate of fates) judgeFate(log, fate, tally);
  for (const [sequence, place] of log.places) judgePlace(log, sequence, place, byRef, tally);
  for (let sequence = 1; sequence < log.last; sequence += 1) {
    if (!log.places.has(sequence) && !acknowledged.has(sequence)) {
      tally.count('gap', endOf(log), `${log.thread} ${sequence} is known to nobody, up to ${log.last} is`);
    }
  }
  const windows = windowsOf(log.places);
  const gone = judgeWholes(log, windows, tally);
  const hearers = [...log.hearers.values()];
  for (const hearer of hearers) judgeLeaks(log, hearer, windows, tally);
  for (const device of devices) {
    const own = hearers.find(({ listener }) => listener.user === device.user && listener.device === device.device);
    const excused = missedWhileOut(log, device, own, windows, wakes);
    judgeHearing(log, device, own, windows, (sequence) => acknowledged.has(sequence), tally, excused);
  }
  for (const { listener } of log.wholes) {
    const own = log.hearers.get(`${listener.user}/${listener.device}`);
    judgeHearing(log, listener, own, windows, (sequence) => acknowledged.has(sequence), tally, gone);
  }
}

function judgeFate(log: LogCheck, { wish, sequence, outcome, askedMs }: Fate, tally: Tally): void {
  const at = { atMs: askedMs };
  const places = log.placesOf.get(wish.ref) ?? [];
  const name = `${log.thread}: ${wish.what} ${wish.ref}`;
  if (places.length > 1) tally.count('duplicated', at, `${name} stands at ${places.join(' and ')}`);
  if (outcome === 'refused' && places.length > 0)
    tally.count('phantom', at, `${name} was refused and stands at ${places[0]}`);
  if (sequence === undefined) return;
  const place = log.places.get(sequence);
  if (place === undefined) tally.count('lost', at, `${name} was acknowledged as ${sequence}, which nobody has heard`);
  else if (place.said.ref !== wish.ref) {
    tally.count('lost', at, `${name} was acknowledged as ${sequence}, where ${identityOf(place.said)} is`);
  }
}

function judgePlace(
  { thread, places }: LogCheck,
  sequence: number,
  { said, bodies, atMs }: Place,
  byRef: ReadonlyMap<string, Fate>,
  tally: Tally,
): void {
  if (said.what === 'created') return;
  const wish = byRef.get(said.ref)?.wish;
  if (wish === undefined) {
    tally.count('phantom', { atMs }, `${thread} ${sequence}: ${identityOf(said)}, which nobody asked for`);
    return;
  }
  if (identityOf({ ...said, ...saidBy(wish) }) !== identityOf(said)) {
    tally.count(
      'altered',
      { atMs },
      `${thread} ${sequence}: ${identityOf(said)}, asked for as ${identityOf({ ...said, ...saidBy(wish) })}`,
    );
  }
  for (const [edit, body] of bodies) {
    const source = edit === 0 ? wish : byRef.get(places.get(edit)?.said.ref ?? '')?.wish;
    // An edit that nobody was told of is a gap of its own.
    if (source !== undefined && source.body !== body) {
      tally.count('altered', { atMs }, `${thread} ${sequence}: ${identityOf(said)} has another content (edit ${edit})`);
    }
  }
}

const saidBy = ({ user, what, subject }: Wish): { sender: string; what: Wish['what']; subject: string } => ({
  sender: user,
  what,
  subject,
});

/** What was heard and is in no log that was read whole at the end: gives those places. */
function judgeWholes(log: LogCheck, windows: ReadonlyMap<string, readonly Window[]>, tally: Tally): Set<number> {
  const gone = new Set<number>();
  for (const [sequence, { said, atMs }] of log.places) {
    const readers = log.wholes.filter(({ listener }) =>
      windows.get(listener.user)?.some(({ joined, left }) => joined < sequence && sequence < left),
    );
    if (readers.length === 0) continue;
    const isThere = readers.some(({ listener }) =>
      log.hearers.get(`${listener.user}/${listener.device}`)?.coverage.has(sequence),
    );
    if (isThere) continue;
    gone.add(sequence);
    tally.count('phantom', { atMs }, `${log.thread} ${sequence}: ${identityOf(said)} was heard and is gone`);
  }
  return gone;
}

function judgeLeaks(
  log: LogCheck,
  { listener, coverage }: Hearer,
  windows: ReadonlyMap<string, readonly Window[]>,
  tally: Tally,
): void {
  const allowed = (windows.get(listener.user) ?? []).map(({ joined, left }) => [joined, left] as const);
  for (const sequence of coverage.outside(allowed)) {
    const text = `${listener.user}/${listener.device} heard ${log.thread} ${sequence} and was no member`;
    tally.count('leaked', { atMs: log.places.get(sequence)?.atMs ?? 0 }, text);
  }
}

function judgeHearing(
  log: LogCheck,
  device: Listener,
  hearer: Hearer | undefined,
  windows: ReadonlyMap<string, readonly Window[]>,
  isAcknowledged: (sequence: number) => boolean,
  tally: Tally,
  excused: ReadonlySet<number>,
): void {
  for (const { joined, left } of windows.get(device.user) ?? []) {
    const to = Math.min(left - 1, log.last);
    const missing = hearer?.coverage.missing(joined + 1, to) ?? range(joined + 1, to);
    for (const sequence of missing) {
      const place = log.places.get(sequence);
      if (place === undefined || excused.has(sequence)) continue;
      const anomaly = isAcknowledged(sequence) ? 'lost' : 'gap';
      const text = `${device.user}/${device.device} never heard ${log.thread} ${sequence}: ${identityOf(place.said)}`;
      tally.count(anomaly, place, text);
    }
  }
}

/**
 * What a device need not have heard: its user was removed and added again while it was away. A rejoin is a new join, so when it is back
 * they see nothing of before; what it had not heard until then (the end of that stay, never its middle) is theirs no more.
 */
function missedWhileOut(
  { places, last }: LogCheck,
  device: Listener,
  hearer: Hearer | undefined,
  windows: ReadonlyMap<string, readonly Window[]>,
  wakes: Wakes,
): Set<number> {
  const excused = new Set<number>();
  const stays = windows.get(device.user) ?? [];
  stays.forEach(({ joined, left }, at) => {
    const [removal, rejoin] = [places.get(left), places.get(stays[at + 1]?.joined ?? 0)];
    if (removal === undefined || rejoin === undefined || !wakes.wasAway(device, removal.atMs, rejoin.atMs)) return;
    const missing = new Set(hearer?.coverage.missing(joined + 1, left - 1) ?? range(joined + 1, left - 1));
    for (let sequence = Math.min(left - 1, last); missing.has(sequence); sequence -= 1) excused.add(sequence);
  });
  return excused;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, at) => from + at);
}

const endOf = (log: LogCheck): { atMs: number } => ({ atMs: log.places.get(log.last)?.atMs ?? 0 });
