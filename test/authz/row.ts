import type { RawStatus } from '../support/raw-status.ts';
import type { Answer, UnaryMethod } from '../support/raw-client.ts';
import type { Person } from '../support/raw-people.ts';
import type { CallerKind, Target } from './scene.ts';

/** What came of a call: `ok` or the reason of the refusal, with all of the refusal for comparison. */
export type Outcome = { result: string; refusal?: RawStatus };

/** One call, and what it comes to for each kind of caller: `ok` or a reason. */
export type Row = Record<CallerKind, string> & {
  /** `ThreadService/GetThread`, or the name of a frame's field such as `mark_read`. */
  call: string;
  run: (caller: Person, target: Target) => Promise<Outcome>;
};

export type Expected = Record<CallerKind, string>;

export const everyone: Expected = { stranger: 'ok', exMember: 'ok', blocked: 'ok', member: 'ok' };
/** What is up to a removal stays readable. */
export const readers: Expected = { ...everyone, stranger: 'THREAD_NOT_FOUND' };
export const members: Expected = { ...readers, exMember: 'THREAD_NOT_FOUND' };
/** Writing to someone: not when they have blocked the caller. */
export const writers: Expected = { ...members, blocked: 'NOT_ACCEPTED' };
/** Group calls that take a role; the blocked caller's thread is a direct one. */
export const admins: Expected = { ...members, blocked: 'WRONG_THREAD_KIND', member: 'ROLE_REQUIRED' };

/** A session that is not theirs. */
export const nobodysSession: Expected = {
  stranger: 'SESSION_NOT_FOUND',
  exMember: 'SESSION_NOT_FOUND',
  blocked: 'SESSION_NOT_FOUND',
  member: 'SESSION_NOT_FOUND',
};

export function outcomeOf<Response>(
  { status, response }: Answer<Response>,
  check: (response: Response) => string = () => 'ok',
): Outcome {
  if (response !== undefined && status.code === 'OK') return { result: check(response) };
  return { result: status.reason ?? status.code, refusal: status };
}

/** A row for a unary call. `check` looks into what was answered: `ok`, or what is wrong with it. */
export function unary<Request, Response>(
  method: UnaryMethod<Request, Response>,
  expected: Expected,
  request: (target: Target, caller: Person) => Request,
  check: (response: Response, target: Target, caller: Person) => string = () => 'ok',
): Row {
  return {
    call: method.path.replace('/parley.v1.', ''),
    ...expected,
    run: async (caller, target) =>
      outcomeOf(await caller.client.call(method, request(target, caller)), (response) =>
        check(response, target, caller),
      ),
  };
}
