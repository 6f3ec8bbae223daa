import type { Change, Retention as Rule } from '../../core/entry.ts';
import { Refusal, threadNotFound } from '../../core/errors.ts';
import { highest } from '../../core/highest.ts';
import { type ThreadId, threadLog, type UserId } from '../../core/ids.ts';
import { endMsOf, endOf, type RetentionRules } from '../../core/retention.ts';
import { hasRoomFor } from '../../core/rows.ts';
import type { ThreadView } from '../../delivery/thread-views.ts';
import type { Store } from '../../store/store.ts';
import { type Access, actorOf, requireRole } from '../access.ts';
import type { Appender } from '../appender.ts';
import type { Caller } from '../caller.ts';
import type { MessageEntry } from '../message.ts';
import { signalOf } from '../open-thread.ts';
import { compareIds } from '../order.ts';
import type { PageTokens } from '../page-token.ts';
import { peerOf } from '../threads.ts';
import type { DevicesHeld } from './devices-held.ts';
import { isHeld } from './look.ts';

const entriesPerRead = 256;
/** A page ends after so many entries, whatever was found among them: it says where to go on. */
const entriesPerPage = 2_048;
const mostWaiting = 50;

/** A message whose body is still there, and will not be for good. */
export interface HeldMessage {
  readonly sequence: bigint;
  /** In order of ids, at most 50. */
  readonly waiting: readonly UserId[];
  /** Wall ms; Infinity = no time is set. */
  readonly endMs: number;
}

export interface RetentionOptions {
  readonly store: Store;
  readonly access: Access;
  readonly appender: Appender;
  readonly tokens: PageTokens;
  readonly rules: RetentionRules;
  readonly held: DevicesHeld;
}

/** How long a thread's contents are kept: what its members say, and what is still there. */
export class Retention {
  readonly #options: RetentionOptions;

  constructor(options: RetentionOptions) {
    this.#options = options;
  }

  /** From now on; undefined = as the deployment says. Gives the rule as bounded. @throws Refusal THREAD_NOT_FOUND, ROLE_REQUIRED, NOT_ACCEPTED, LIMIT_REACHED */
  async set(caller: Caller, threadId: ThreadId, asked: Rule | undefined): Promise<Rule> {
    const { access, appender, rules } = this.#options;
    const retention = asked === undefined ? rules.current([]) : rules.bounded(asked);
    const { userId, deviceId } = caller;
    const ids = { clientMessageId: '', fingerprint: '' } as const;
    await appender.append(threadId, {
      ...ids,
      senderId: userId,
      knownHead: 0n,
      ...signalOf(caller),
      prepare: async (view) => {
        const { info, members } = requireActor(view, caller);
        if (info.kind === 'direct')
          await access.requireAccepted(userId, peerOf(members.keys(), userId), false, caller.signal);
      },
      build: (given) => {
        const view = requireActor(given, caller);
        const { spans } = view;
        const before = rules.current(spans);
        if (before.mode === retention.mode && before.durationS === retention.durationS) return [];
        if (!hasRoomFor(spans, { after: view.head.sequence + 1n, retention })) {
          throw new Refusal('LIMIT_REACHED', 'the thread has messages under as many different rules as it can have');
        }
        const change: Change = { kind: 'retention-changed', retention };
        return [{ senderId: userId, deviceId, ...ids, change }];
      },
    });
    return retention;
  }

  /** The rule, and what is held under it and the ones before, oldest first. @throws Refusal THREAD_NOT_FOUND, INVALID_TOKEN */
  async get(
    caller: Caller,
    threadId: ThreadId,
    request: { readonly limit: number; readonly pageToken: string },
  ): Promise<{ readonly rule: Rule; readonly held: readonly HeldMessage[]; readonly nextPageToken: string }> {
    const { store, access, tokens, rules, held } = this.#options;
    const { view, visibleFrom } = await access.member(caller.userId, threadId, caller.signal);
    const scope = ['GetRetention', caller.userId, threadId];
    const [place] = tokens.read(scope, request.pageToken, 1) ?? [];
    const { head, spans } = view;
    const rule = rules.current(spans);
    const stretches = rules.erasing(spans);
    if (stretches.length === 0) return { rule, held: [], nextPageToken: '' };
    const erasedTo = await store.erasedTo(threadId);
    const start = highest(BigInt(place ?? 0), visibleFrom - 1n, erasedTo);
    const waits = stretches.some(({ rule: { mode } }) => mode === 'until-delivered');
    const each = waits ? await held.byEach(view) : new Map<UserId, bigint>();

    const found: HeldMessage[] = [];
    let read = 0;
    let from = start;
    for (const stretch of stretches) {
      const upTo = endOf(stretch, head.sequence);
      if (from < stretch.after) from = stretch.after;
      while (from < upTo) {
        if (found.length >= request.limit || read >= entriesPerPage) {
          return { rule, held: found, nextPageToken: tokens.make(scope, [String(from)]) };
        }
        const range = { after: from, upTo, limit: entriesPerRead };
        for (const entry of await store.entries(threadLog(threadId), range, caller.signal)) {
          if (found.length >= request.limit) break;
          from = entry.sequence;
          read += 1;
          if (isHeld(entry)) found.push(heldMessage(entry, stretch.rule, each));
        }
      }
    }
    return { rule, held: found, nextPageToken: '' };
  }
}

function heldMessage(entry: MessageEntry, rule: Rule, each: ReadonlyMap<UserId, bigint>): HeldMessage {
  const { sequence, change, createTimeMs } = entry;
  const holding = highest(sequence, change.editSequence);
  const waiting = rule.mode === 'until-delivered' ? [...each].filter(([, has]) => has < holding) : [];
  return {
    sequence,
    waiting: waiting
      .map(([userId]) => userId)
      .toSorted(compareIds)
      .slice(0, mostWaiting),
    endMs: endMsOf(rule, createTimeMs),
  };
}

/** Group owners, and both users of a direct thread. @throws Refusal THREAD_NOT_FOUND, ROLE_REQUIRED */
function requireActor(view: ThreadView | undefined, caller: Caller): ThreadView {
  if (view === undefined) throw threadNotFound();
  const actor = actorOf(view, caller);
  if (view.info.kind === 'group') requireRole(actor, 'owner');
  return view;
}
