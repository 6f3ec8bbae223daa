// What a push service saw of a run, held against what it should have seen. Knows nothing of how notifications are made.

export interface Seen {
  /** Wall ms of its arrival. */
  readonly atMs: number;
  readonly token: string;
  readonly threadId: string;
  readonly sequence: string;
  /** HTTP status of the answer; 0 = none. */
  readonly status: number;
}

export interface Expected {
  /** The newest message of each thread that a token is to be notified of. */
  readonly newest: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Tokens that the push service calls dead. */
  readonly dead: ReadonlySet<string>;
  /** Requests that may come in any second. */
  readonly perS: number;
}

export interface Verdict {
  readonly problems: readonly string[];
  /** Notifications that were taken, each (token, thread, sequence) once. */
  readonly taken: number;
  /** Taken a second time, which collapses on the device. */
  readonly repeated: number;
  /** Most requests in any second, wherever it begins. */
  readonly mostPerS: number;
}

const mostProblems = 20;

export function check(seen: readonly Seen[], { newest, dead, perS }: Expected): Verdict {
  const problems: string[] = [];
  const fault = (problem: string): void => {
    if (problems.length < mostProblems) problems.push(problem);
  };
  const taken = new Map<string, Map<string, string>>();
  let repeated = 0;
  for (const { token, threadId, sequence, status } of seen) {
    const expected = newest.get(token)?.get(threadId);
    if (expected === undefined) fault(`${token} was notified of ${threadId}, which is none of its own`);
    else if (sequence !== expected) fault(`${token} was notified of ${threadId} up to ${sequence}, not ${expected}`);
    if (status !== 200) continue;
    if (dead.has(token)) fault(`${token} is dead, and was taken`);
    const threads = taken.get(token) ?? new Map<string, string>();
    if (threads.get(threadId) === sequence) repeated += 1;
    threads.set(threadId, sequence);
    taken.set(token, threads);
  }
  let count = 0;
  for (const [token, threads] of newest) {
    const of = taken.get(token);
    count += of?.size ?? 0;
    if (dead.has(token)) continue;
    for (const threadId of threads.keys()) if (of?.has(threadId) !== true) fault(`${token} never heard of ${threadId}`);
  }
  const mostPerS = mostInASecond(seen.map(({ atMs }) => atMs).toSorted((a, b) => a - b));
  if (mostPerS > perS) fault(`${mostPerS} requests came in one second, and ${perS} may`);
  return { problems, taken: count, repeated, mostPerS };
}

function mostInASecond(times: readonly number[]): number {
  let most = 0;
  let first = 0;
  times.forEach((atMs, at) => {
    while (atMs - (times[first] ?? atMs) >= 1_000) first += 1;
    most = Math.max(most, at - first + 1);
  });
  return most;
}
