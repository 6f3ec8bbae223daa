// The stream's RPCs, and every kind of frame that a client can send.
import {
  type ClientFrame,
  type DeepPartial,
  StreamServiceService,
  SubmitRequest,
} from '#proto/parley/v1/stream_service.ts';
import { type Person, clientId, textContent } from '../support/raw-people.ts';
import type { RawStream } from '../support/raw-stream.ts';
import { comment, presenceCheck } from './account-rows.ts';
import {
  type Expected,
  type Outcome,
  type Row,
  everyone,
  members,
  nobodysSession,
  readers,
  unary,
  writers,
} from './row.ts';
import type { Target } from './scene.ts';

type Frame = NonNullable<ClientFrame['frame']>;

async function withStream(caller: Person, run: (stream: RawStream) => Promise<Outcome>): Promise<Outcome> {
  const stream = await caller.client.open().live({ deviceId: `d-${clientId()}` });
  try {
    return await run(stream);
  } finally {
    stream.end();
    await stream.ended;
  }
}

/** A row for a frame with a request id on a live stream. */
function frame(
  call: string,
  expected: Expected,
  say: (target: Target) => DeepPartial<Frame>,
  check: (stream: RawStream, target: Target, caller: Person) => Promise<string> = async () => 'ok',
): Row {
  return {
    call,
    ...expected,
    run: async (caller, target) =>
      withStream(caller, async (stream) => {
        const { error } = await stream.requestFrame(say(target));
        if (error !== undefined) return { result: error.reason ?? error.code, refusal: error };
        return { result: await check(stream, target, caller) };
      }),
  };
}

const position = ({ threadId, others }: Target): { position: { threadId: string; upToSequence: bigint } } => ({
  position: { threadId, upToSequence: others },
});

export const frameRows: readonly Row[] = [
  {
    call: 'StreamService/Open',
    ...everyone,
    run: async (caller) => withStream(caller, async () => ({ result: 'ok' })),
  },
  {
    // Claims to hold a thread; what is not the caller's is not told for it.
    call: 'hello',
    ...everyone,
    run: async (caller, target) => {
      const positions = [{ threadId: target.threadId, upToSequence: target.others }];
      const stream = await caller.client.open().live({ deviceId: `d-${clientId()}`, positions });
      const head = stream
        .all('headsChanged')
        .flatMap(({ heads }) => heads)
        .find((one) => one.threadId === target.threadId);
      const told = stream.all('entriesAppended').filter((one) => one.threadId === target.threadId);
      stream.end();
      await stream.ended;
      if (caller.id.startsWith('stranger-'))
        return { result: head || told.length > 0 ? 'tells of a foreign thread' : 'ok' };
      return {
        result:
          (head?.sequence ?? 0n) < target.hidden || target.hidden === target.others ? 'ok' : 'tells what came later',
      };
    },
  },
  frame('send', writers, ({ threadId }) => ({
    $case: 'send',
    value: {
      threadId,
      clientMessageId: clientId(),
      content: textContent('x'),
    },
  })),
  frame('ack', readers, (target) => ({ $case: 'ack', value: position(target) })),
  frame('mark_read', readers, (target) => ({ $case: 'markRead', value: position(target) })),
  frame('typing', members, ({ threadId }) => ({ $case: 'typing', value: { threadId, active: true } })),
  frame('subscribe', members, ({ threadId }) => ({
    $case: 'subscribe',
    value: { target: { $case: 'threadId', value: threadId } },
  })),
  frame('unsubscribe', everyone, ({ threadId }) => ({
    $case: 'unsubscribe',
    value: { target: { $case: 'threadId', value: threadId } },
  })),
  frame('publish_comment', everyone, ({ threadId }) => ({
    $case: 'publishComment',
    value: comment(`about:${threadId}`),
  })),
  frame(
    'watch_presence',
    everyone,
    ({ other }) => ({ $case: 'watchPresence', value: { userIds: [other.id] } }),
    async (stream, { other }, caller) => {
      const { presences } = await stream.first('presenceChanged', (told) =>
        told.presences.some(({ userId }) => userId === other.id),
      );
      return presenceCheck(presences, caller.id.startsWith('member-'));
    },
  ),
  frame('heartbeat', everyone, () => ({ $case: 'heartbeat', value: { foreground: true } })),
  {
    // Somebody else's token is not taken.
    call: 'reauthenticate',
    stranger: 'TOKEN_INVALID',
    exMember: 'TOKEN_INVALID',
    blocked: 'TOKEN_INVALID',
    member: 'TOKEN_INVALID',
    run: async (caller, target) =>
      withStream(caller, async (stream) => {
        const { error } = await stream.request('reauthenticate', { token: target.other.token });
        return error === undefined ? { result: 'ok' } : { result: error.reason ?? error.code, refusal: error };
      }),
  },
  {
    call: 'StreamService/Listen',
    ...everyone,
    run: async (caller) => {
      const [stream] = caller.client.openListen();
      await stream.live({ deviceId: `d-${clientId()}` });
      stream.cancel();
      await stream.ended;
      return { result: 'ok' };
    },
  },
  unary(StreamServiceService.submit, nobodysSession, ({ threadId }) =>
    SubmitRequest.create({
      sessionId: 'n1.somebody-elses',
      number: 1n,
      frames: [{ frame: { $case: 'typing', value: { threadId, active: true } } }],
    }),
  ),
];
