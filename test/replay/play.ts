/**
 * Plays one file: its group, its messages, its joins and leaves. Returns when all of it was acknowledged.
 *
 * A join or leave waits until everything before it was acknowledged to its author, not until all have heard it: who
 * leaves has still to be told what was said until then.
 */
import { basename } from 'node:path';
import type { Disturber } from './disturber.ts';
import type { ReplayClient } from './client.ts';
import type { Client, HistoryRecord } from './history.ts';
import type { FilePlan, MembershipStep, SendStep } from './plan.ts';

/** Messages of one file that may be under way at a time. */
const maxUnderWay = 256;
/** In characters: a group's name has 200 bytes at most. */
const maxNameLength = 50;

export interface Stage {
  operator: ReplayClient;
  /** By user id. */
  clients: ReadonlyMap<string, ReplayClient>;
  record(record: HistoryRecord): void;
  /** Resolves when the client has heard the thread up to that message. */
  reached(client: Client, thread: string, sequence: number): Promise<void>;
  /** Resolves at that time of the run, in ms since `play` was called; at once when it has passed. */
  until(atMs: number): Promise<void>;
  disturber: Disturber | undefined;
  /** A message was acknowledged, or refused for the reason in words. */
  answered(refusal?: string): void;
}

export interface Played {
  thread: string;
  /** Sequence of the last message. */
  last: number;
  /** Sequence of the last message that each client may hear, if there is one. */
  lastHeard: Map<ReplayClient, number>;
  /** Everyone who is a member at the end. */
  members: Set<ReplayClient>;
  /** Everyone who said something. */
  authors: Set<ReplayClient>;
}

export async function play(plan: FilePlan, stage: Stage): Promise<Played> {
  const { operator } = stage;
  const clientOf = (user: string): ReplayClient => {
    const client = stage.clients.get(user);
    if (!client) throw new Error(`no client for ${user}`);
    return client;
  };
  const group = await operator.createGroup(basename(plan.name).slice(0, maxNameLength), plan.initial);
  const { thread } = group;
  const tell = (client: Client, record: { kind: 'sent' | 'joined' | 'left'; ref: string; sequence: number }): void =>
    stage.record({ client, atMs: performance.now(), thread, ...record });
  stage.record({
    client: operator.client,
    atMs: performance.now(),
    kind: 'created',
    thread,
    label: plan.name,
    sequence: group.sequence,
  });

  /** With the sequence that each became a member by. */
  const members = new Map([operator, ...plan.initial.map(clientOf)].map((client) => [client, group.sequence]));
  const authors = new Set<ReplayClient>();
  const lastHeard = new Map<ReplayClient, number>();
  const hearsUpToHere = (client: ReplayClient): void => {
    if (last > (members.get(client) ?? Infinity)) lastHeard.set(client, last);
  };
  const underWay = new Set<Promise<void>>();
  let last = 0;

  const refused = (what: string, error: unknown): void =>
    stage.answered(`${plan.name} line ${what} was refused: ${error instanceof Error ? error.message : String(error)}`);

  const send = async (step: SendStep): Promise<void> => {
    const author = clientOf(step.user);
    try {
      const sequence = await author.send(thread, step.body);
      tell(author.client, { kind: 'sent', ref: String(step.line), sequence });
      last = Math.max(last, sequence);
      stage.answered();
      stage.disturber?.messageSent(author);
    } catch (error) {
      refused(String(step.line), error);
    }
  };
  const change = async (step: MembershipStep): Promise<void> => {
    const client = clientOf(step.user);
    const ref = `${step.kind} ${step.line}`;
    try {
      if (step.kind === 'join') {
        // A rejoin is a new join, from which on one sees what was said: the rest of the time before must be heard by then.
        await stage.reached(client.client, thread, lastHeard.get(client) ?? 0);
        const sequence = await operator.addMember(thread, step.user);
        tell(operator.client, { kind: 'joined', ref, sequence });
        members.set(client, sequence);
      } else {
        tell(client.client, { kind: 'left', ref, sequence: await client.leave(thread) });
        hearsUpToHere(client);
        members.delete(client);
      }
    } catch (error) {
      refused(`${step.line} (${step.kind})`, error);
    }
  };

  for (const step of plan.steps) {
    if (step.kind === 'send') {
      authors.add(clientOf(step.user));
      await stage.until(step.atMs);
      while (underWay.size >= maxUnderWay) await Promise.race(underWay);
      const sent = send(step).finally(() => underWay.delete(sent));
      underWay.add(sent);
    } else {
      await Promise.all(underWay);
      if (step.changes) await change(step);
    }
  }
  await Promise.all(underWay);
  for (const client of members.keys()) hearsUpToHere(client);
  return { thread, last, lastHeard, members: new Set(members.keys()), authors };
}
