// Rows about how sessions end and go on, about mistakes, and about the versions of HTTP.
import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Told } from './device.ts';
import type { Place } from './driver.ts';
import type { Remote } from './remote.ts';
import type { Row } from './row.ts';
import { type Stage, texts, textsOf } from './stage.ts';

const protocolGoodbye = 6;
/** By so much a node and the gateway take a token for longer. */
const clockSkewS = 5;

/** A live device, its peer, and their thread. */
async function pair(stage: Stage, place?: Place): Promise<{ alice: Remote; bob: Remote; threadId: string }> {
  const bob = await stage.peer('bob');
  const threadId = await bob.thread(stage.user('alice'));
  const alice = await stage.live(await stage.device('alice', place === undefined ? {} : { place }));
  return { alice, bob, threadId };
}

const sessionOf = (told: Told): string => told.sessions.at(-1)?.sessionId ?? '';

/** Phases after the device was live for the first time. */
const phasesSince = ({ phases }: Told): string[] => phases.slice(phases.indexOf('live'));

/** Whether people still talk, both ways. */
async function talk(stage: Stage, { alice, bob, threadId }: Awaited<ReturnType<typeof pair>>): Promise<void> {
  const before = textsOf(await alice.told(), threadId).length;
  await bob.send(threadId, `to you ${before}`);
  await stage.until(alice, 'it is told', (told) => textsOf(told, threadId).includes(`to you ${before}`));
  await alice.send(threadId, `to me ${before}`);
  await stage.until(bob, 'the answer is told', (told) => textsOf(told, threadId).includes(`to me ${before}`));
}

export const endRows: readonly Row[] = [
  {
    name: 'token expiry',
    async run(stage) {
      const bob = await stage.peer('bob');
      const threadId = await bob.thread(stage.user('alice'));
      // Long enough that a machine that is busy with all rows at once has renewed it before it is refused.
      const ttlS = 8;
      let asked = 0;
      // The first one has expired already: it is refused, and the next one asked for.
      const token = (): Promise<string> => stage.world.token(stage.user('alice'), asked++ === 0 ? -60 : ttlS);
      const alice = await stage.live(await stage.device('alice', { token }));
      equal(asked, 2);
      // It was made before now; servers take it a while longer, as clocks differ.
      const refusedFromMs = Date.now() + (ttlS + clockSkewS + 1) * 1000;
      await stage.eventually('the token is good no more', async () => Date.now() > refusedFromMs || undefined);
      ok(asked > 2);
      await talk(stage, { alice, bob, threadId });
      equal((await alice.told()).sessions.length, 1);
    },
  },
  {
    name: 'supersede',
    async run(stage) {
      const { alice, bob, threadId } = await pair(stage);
      const newer = await stage.live(await stage.device('alice'));
      const { closed } = await stage.until(alice, 'the older one is over', ({ phase }) => phase === 'closed');
      equal(closed?.reason, 'superseded');
      await talk(stage, { alice: newer, bob, threadId });
    },
  },
  {
    name: 'signed out',
    async run(stage) {
      const { alice, bob, threadId } = await pair(stage);
      const other = await stage.live(await stage.device('alice', { deviceId: 'other' }));
      await other.signOut('device');
      const again = await stage.device('alice');
      await again.start();
      // The one that was open is told, and what comes later is not let in.
      for (const device of [alice, again]) {
        const { closed } = await stage.until(device, 'it is over', ({ phase }) => phase === 'closed');
        deepEqual([closed?.reason, closed?.error?.reason], ['signed-out', 'SIGNED_OUT']);
      }
      await talk(stage, { alice: other, bob, threadId });
    },
  },
  {
    name: 'drain with hand-over',
    disturbs: true,
    async run(stage) {
      const { alice, bob, threadId } = await pair(stage);
      const node = stage.world.nodeOf(sessionOf(await alice.told()));
      const drained = node.kill('SIGTERM');
      const said = texts('meanwhile', 30);
      for (const text of said) await bob.send(threadId, text);
      await drained;
      const told = await stage.until(alice, 'all is told', (so) => textsOf(so, threadId).length >= said.length);
      await node.start();
      deepEqual(textsOf(told, threadId), said);
      // It was live all the time, on one session and then on the other.
      deepEqual([...new Set(phasesSince(told))], ['live']);
      equal(new Set(told.sessions.map(({ sessionId }) => stage.world.nodeOf(sessionId).id)).size, 2);
      await talk(stage, { alice, bob, threadId });
    },
  },
  {
    name: 'node kill',
    disturbs: true,
    async run(stage) {
      const { alice, bob, threadId } = await pair(stage);
      const node = stage.world.nodeOf(sessionOf(await alice.told()));
      await node.kill('SIGKILL');
      const said = texts('amid it', 5);
      const [sent] = await Promise.all([alice.send(threadId, 'still sent'), bob.send(threadId, ...said)]);
      const told = await stage.until(alice, 'all is told', (so) => textsOf(so, threadId).length >= said.length + 1);
      await node.start();
      deepEqual(textsOf(told, threadId).toSorted(), ['still sent', ...said].toSorted());
      equal(sent.length, 1);
      equal(told.sessions.length, 2);
      await talk(stage, { alice, bob, threadId });
    },
  },
  {
    name: 'Envoy restart',
    disturbs: true,
    async run(stage) {
      const { alice, bob, threadId } = await pair(stage);
      await stage.world.gateway.kill();
      const sending = alice.send(threadId, 'while it was away');
      await stage.until(alice, 'the stream is lost', ({ phase }) => phase !== 'live');
      await stage.world.gateway.restart();
      await sending;
      await stage.until(bob, 'it is told', (told) => textsOf(told, threadId).length > 0);
      deepEqual(textsOf(await bob.told(), threadId), ['while it was away']);
      await talk(stage, { alice, bob, threadId });
    },
  },
  {
    name: 'Redis cut',
    disturbs: true,
    async run(stage) {
      const { alice, bob, threadId } = await pair(stage);
      await talk(stage, { alice, bob, threadId });
      stage.world.cutRedis();
      try {
        await alice.send(threadId, 'without it');
      } finally {
        stage.world.mendRedis();
      }
      await bob.send(threadId, 'with it');
      const told = await stage.until(
        bob,
        'what was said without it is told',
        (so) => textsOf(so, threadId).length >= 4,
      );
      deepEqual(textsOf(told, threadId).slice(2), ['without it', 'with it']);
      equal((await alice.told()).sessions.length, 1);
    },
  },
  {
    name: 'mistakes',
    async run(stage) {
      const { alice, bob, threadId } = await pair(stage);
      const { reason, code, fields } = (await alice.refusal('no-name')) ?? {};
      deepEqual({ reason, code, fields }, { reason: 'INVALID_FIELD', code: 3, fields: ['name'] });
      equal((await alice.refusal('no-thread'))?.reason, 'THREAD_NOT_FOUND');
      equal((await alice.refusal('no-frame-thread'))?.reason, 'THREAD_NOT_FOUND');
      const wrong = await alice.speak('a b');
      deepEqual([wrong.goodbye?.reason, wrong.goodbye?.reconnect], [protocolGoodbye, false]);
      deepEqual([wrong.ended?.reason, wrong.ended?.fields], ['INVALID_FIELD', ['hello.device_id']]);
      const twice = await alice.speak('by-hand', 'hello');
      equal(twice.frames[0], 'welcome');
      deepEqual([twice.goodbye?.reason, twice.ended?.reason], [protocolGoodbye, 'HELLO_REPEATED']);
      await talk(stage, { alice, bob, threadId });
    },
  },
  {
    name: 'oversize',
    async run(stage) {
      const { alice, bob, threadId } = await pair(stage);
      // A message over its bound costs the message, a request over its bound the session.
      equal((await alice.refusal('large-message'))?.reason, 'TOO_LARGE');
      const large = await alice.speak('by-hand', { messageBytes: 300_000 });
      deepEqual([large.frames[0], large.ended?.reason], ['welcome', 'TOO_LARGE']);
      equal((await alice.told()).sessions.length, 1);
      await talk(stage, { alice, bob, threadId });
    },
  },
  {
    name: 'without TLS',
    async run(stage) {
      const { alice, bob, threadId } = await pair(stage);
      // More at once than a browser opens connections, one of which the stream has.
      const many = Array.from({ length: 30 }, () => threadId);
      deepEqual(await alice.threads(many), many);
      await talk(stage, { alice, bob, threadId });
      deepEqual(await stage.protocols('alice'), [stage.facts.plain]);
    },
  },
  {
    name: 'with TLS',
    async run(stage) {
      const { alice, bob, threadId } = await pair(stage, stage.world.secure);
      const many = Array.from({ length: 30 }, () => threadId);
      deepEqual(await alice.threads(many), many);
      equal((await alice.refusal('no-thread'))?.reason, 'THREAD_NOT_FOUND');
      await talk(stage, { alice, bob, threadId });
      deepEqual(await stage.protocols('alice'), [stage.facts.tls]);
    },
  },
];
