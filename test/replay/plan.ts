/**
 * What to do to play one log: who is in the group from the start, and the steps in the order of the file.
 *
 * - Who speaks, leaves or renames without having joined is a member from the start.
 * - A join of someone who is a member changes nothing (the logs show no quits, so when they went is unknown), and so
 *   does a leave of someone who has left. Both are barriers all the same: everything before them is acknowledged first.
 * - Who speaks after leaving, without a join, is added before that line: the log must have missed the join.
 * - A rename changes no membership and is no barrier.
 */
import { type Body, bodyOf } from './body.ts';
import { type IrcLine, parseIrc } from './irc.ts';
import { Nicks } from './nicks.ts';

export interface SendStep {
  kind: 'send';
  user: string;
  /** Line number in the file, from 1: what a message is known by. */
  line: number;
  body: Body;
  /** When it is said, in ms since the first line with a time; the lines of one minute are spread evenly over it. */
  atMs: number;
}

export interface MembershipStep {
  kind: 'join' | 'leave';
  user: string;
  line: number;
  /** False if it only is a barrier. */
  changes: boolean;
}

export type Step = SendStep | MembershipStep;

export interface FilePlan {
  /** The file's name as given. */
  name: string;
  /** Everyone who is ever in the group, in order of appearance. */
  users: string[];
  /** Those of `users` who are members from the start. */
  initial: string[];
  steps: Step[];
  messages: number;
  skippedLines: number;
}

export function planFile(name: string, file: Buffer): FilePlan {
  const plan: FilePlan = { name, users: [], initial: [], steps: [], messages: 0, skippedLines: 0 };
  const lines = [...parseIrc(file)];
  const times = spreadTimes(lines);
  const nicks = new Nicks();
  const members = new Set<string>();

  const appear = (nick: string, member: boolean): string => {
    const user = nicks.take(nick);
    plan.users.push(user);
    if (member) {
      plan.initial.push(user);
      members.add(user);
    }
    return user;
  };
  const change = (kind: 'join' | 'leave', user: string, line: number): void => {
    const changes = members.has(user) === (kind === 'leave');
    if (changes) members[kind === 'join' ? 'add' : 'delete'](user);
    plan.steps.push({ kind, user, line, changes });
  };

  for (const line of lines) {
    if (line.kind === 'notice') continue;
    if (line.kind === 'skipped') {
      plan.skippedLines += 1;
      continue;
    }
    const user = nicks.holder(line.nick) ?? appear(line.nick, line.kind !== 'join');
    if (line.kind === 'rename') {
      nicks.rename(line.nick, line.to);
    } else if (!('text' in line)) {
      change(line.kind, user, line.number);
    } else {
      if (!members.has(user)) change('join', user, line.number);
      plan.messages += 1;
      plan.steps.push({ kind: 'send', user, line: line.number, body: bodyOf(line), atMs: times.get(line.number) ?? 0 });
    }
  }
  return plan;
}

/**
 * Time of each line that has one, by line number, in ms since the first. It never goes back: half a day backwards or
 * more is midnight passed, less is a clock that was set, whose lines come at once.
 */
function spreadTimes(lines: IrcLine[]): Map<number, number> {
  const times = new Map<number, number>();
  const timed = lines.filter((line) => 'minute' in line);
  const start = timed[0]?.minute ?? 0;
  let day = 0;
  let latestMs = 0;
  for (let from = 0; from < timed.length;) {
    const minute = timed[from]?.minute ?? 0;
    let to = from;
    while (timed[to]?.minute === minute) to += 1;
    const minuteMs = (day + minute - start) * 60_000;
    timed.slice(from, to).forEach((line, index) => {
      latestMs = Math.max(latestMs, minuteMs + Math.floor((60_000 * index) / (to - from)));
      times.set(line.number, latestMs);
    });
    const next = timed[to]?.minute;
    if (next !== undefined && next <= minute - 720) day += 1440;
    from = to;
  }
  return times;
}
