// Rows about what is told: connect, talk, holes, resuming, slow readers.
import { deepEqual, equal, ok } from 'node:assert/strict';
import type { Row } from './row.ts';
import { type DeviceWish, sequencesOf, type Stage, texts, textsOf } from './stage.ts';
import type { Remote } from './remote.ts';

const online = 1;

/** A peer, and the thread with a user who need not have been there. */
async function peerAndThread(
  stage: Stage,
  user: string,
  wish: DeviceWish = {},
): Promise<{ bob: Remote; threadId: string }> {
  const bob = await stage.peer('bob', wish);
  return { bob, threadId: await bob.thread(stage.user(user)) };
}

/** The numbers from one to another, both among them. */
function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

export const talkRows: readonly Row[] = [
  {
    name: 'connect',
    async run(stage) {
      const { bob, threadId } = await peerAndThread(stage, 'alice');
      await bob.send(threadId, 'hello');
      const alice = await stage.live(await stage.device('alice'));
      const { sessions, phases } = await alice.told();
      equal(sessions.length, 1);
      deepEqual(phases.slice(0, 2), ['connecting', 'live']);
      await alice.send(threadId, 'hello yourself');
      await bob.watch(stage.user('alice'));
      await stage.until(bob, 'it is seen online', ({ presence }) => presence[stage.user('alice')] === online);
    },
  },
  {
    name: 'backfill',
    async run(stage) {
      const { bob, threadId } = await peerAndThread(stage, 'alice');
      const said = texts('before', 5);
      await bob.send(threadId, ...said);
      const alice = await stage.live(await stage.device('alice'));
      const told = await stage.until(alice, 'all is told', (so) => textsOf(so, threadId).length >= said.length);
      deepEqual(textsOf(told, threadId), said);
      deepEqual(sequencesOf(told, threadId), range(1, 6));
    },
  },
  {
    name: 'live',
    async run(stage) {
      const { bob, threadId } = await peerAndThread(stage, 'alice');
      const alice = await stage.live(await stage.device('alice'));
      await bob.send(threadId, 'one');
      await stage.until(alice, 'it is told', (told) => textsOf(told, threadId).includes('one'));
      const [sequence = 0] = await alice.send(threadId, 'two');
      await stage.until(bob, 'the answer is told', (told) => textsOf(told, threadId).includes('two'));
      const tick = async (state: string): Promise<true | undefined> =>
        (await alice.tick(threadId, sequence)) === state || undefined;
      await stage.eventually('it is delivered', () => tick('delivered'));
      await bob.read(threadId, sequence);
      await stage.eventually('it is read', () => tick('read'));
    },
  },
  {
    name: 'gap',
    async run(stage) {
      const { bob, threadId } = await peerAndThread(stage, 'alice');
      const alice = await stage.live(await stage.device('alice'));
      await bob.send(threadId, 'heard');
      await stage.until(alice, 'it is told', (told) => textsOf(told, threadId).length === 1);
      await alice.lose(1);
      await bob.send(threadId, 'lost');
      await bob.send(threadId, 'after it');
      const told = await stage.until(alice, 'the hole is filled', (so) => textsOf(so, threadId).length >= 3);
      deepEqual(textsOf(told, threadId), ['heard', 'lost', 'after it']);
    },
  },
  {
    name: 'resume',
    async run(stage) {
      const { bob, threadId } = await peerAndThread(stage, 'alice');
      const alice = await stage.live(await stage.device('alice'));
      await bob.send(threadId, 'heard');
      await stage.until(alice, 'it is told', (told) => textsOf(told, threadId).length === 1);
      await alice.reopen();
      await stage.until(alice, 'it is live again', (told) => told.phase === 'live' && told.sessions.length === 2);
      const resume = await alice.kept();
      ok(resume);
      await alice.stop();
      await bob.send(threadId, 'missed');
      const again = await stage.live(await stage.device('alice', { resume }));
      const told = await stage.until(again, 'what was missed is told', (so) => textsOf(so, threadId).length > 0);
      deepEqual(textsOf(told, threadId), ['missed']);
      deepEqual(
        told.sessions.map(({ resumed }) => resumed),
        [true],
      );
    },
  },
  {
    name: 'slow reader',
    async run(stage) {
      const { bob, threadId } = await peerAndThread(stage, 'alice', { inFlight: 50 });
      const alice = await stage.live(await stage.device('alice', { acknowledge: 'by-hand' }));
      const witness = await stage.peer('alice', { deviceId: 'witness' });
      const said = texts('much', 300);
      await bob.send(threadId, ...said);
      // What is beyond the window waits, and the session lives.
      await stage.until(witness, 'another device is told all', (so) => textsOf(so, threadId).length === said.length);
      equal((await alice.refusal('no-frame-thread'))?.reason, 'THREAD_NOT_FOUND');
      const full = await alice.told();
      const held = sequencesOf(full, threadId);
      ok(held.length <= 256, `${held.length} entries were told without an acknowledgement`);
      equal(full.sessions.length, 1);
      await bob.send(threadId, 'one more');
      await alice.ack(threadId, Math.max(...held));
      const told = await stage.until(alice, 'the rest is told', (so) => textsOf(so, threadId).length >= 301);
      deepEqual(textsOf(told, threadId).toSorted(), [...said, 'one more'].toSorted());
      deepEqual(sequencesOf(told, threadId), range(1, 302));
      ok(told.skipped.some((skipped) => skipped.threadId === threadId));
      equal(told.sessions.length, 1);
    },
  },
  {
    name: 'skip',
    async run(stage) {
      const { bob, threadId } = await peerAndThread(stage, 'alice', { inFlight: 20 });
      const first = await stage.live(await stage.device('alice'));
      await bob.send(threadId, 'heard');
      await stage.until(first, 'it is told', (told) => textsOf(told, threadId).length === 1);
      await first.reopen();
      await stage.until(first, 'it is live again', (told) => told.phase === 'live' && told.sessions.length === 2);
      const resume = await first.kept();
      ok(resume);
      await first.stop();
      const said = texts('missed', 80);
      await bob.send(threadId, ...said);
      const alice = await stage.live(await stage.device('alice', { skipped: 'history', resume }));
      const told = await stage.until(alice, 'the newest is told', (so) => textsOf(so, threadId).includes('missed 80'));
      const skipped = told.skipped.filter((each) => each.threadId === threadId);
      deepEqual(skipped, [{ threadId, from: 3, to: 18 }]);
      deepEqual(sequencesOf(told, threadId), range(19, 82));
    },
  },
  {
    name: 'reconnect storm',
    disturbs: true,
    async run(stage) {
      const names = ['a', 'b', 'c', 'd', 'e'];
      const bob = await stage.peer('bob');
      const devices = await Promise.all(names.map(async (name) => stage.live(await stage.device(name))));
      const threads = await Promise.all(names.map((name) => bob.thread(stage.user(name))));
      const rounds = 3;
      for (let round = 1; round <= rounds; round += 1) {
        const before = await Promise.all(devices.map(async (device) => (await device.told()).sessions.length));
        stage.world.dropClients();
        const sends = threads.map((threadId) => bob.send(threadId, `round ${round}`));
        await Promise.all(
          devices.map((device, at) =>
            stage.until(
              device,
              'it is live again',
              (so) => so.phase === 'live' && so.sessions.length > (before[at] ?? 0),
            ),
          ),
        );
        await Promise.all(sends);
      }
      for (const [at, device] of devices.entries()) {
        const threadId = threads[at] ?? '';
        const told = await stage.until(device, 'all is told', (so) => textsOf(so, threadId).length >= rounds);
        deepEqual(textsOf(told, threadId), texts('round', rounds));
      }
    },
  },
  {
    name: 'another carrier',
    async run(stage) {
      const { bob, threadId } = await peerAndThread(stage, 'alice');
      const first = await stage.live(await stage.device('alice'));
      await bob.send(threadId, 'here');
      await stage.until(first, 'it is told', (told) => textsOf(told, threadId).length === 1);
      await first.reopen();
      await stage.until(first, 'it is live again', (told) => told.phase === 'live' && told.sessions.length === 2);
      const kept = await first.kept();
      ok(kept);
      // The other one takes over while this one lives.
      const second = await stage.live(await stage.elsewhere('alice', { resume: kept }));
      await stage.until(first, 'the first one is over', ({ closed }) => closed?.reason === 'superseded');
      await bob.send(threadId, 'there');
      const there = await stage.until(second, 'it is told there', (told) => textsOf(told, threadId).length > 0);
      deepEqual([textsOf(there, threadId), there.sessions[0]?.resumed], [['there'], true]);
      await second.reopen();
      await stage.until(second, 'it is live again', (told) => told.phase === 'live' && told.sessions.length === 2);
      const back = await second.kept();
      ok(back);
      await second.stop();
      await bob.send(threadId, 'back');
      const third = await stage.live(await stage.device('alice', { resume: back }));
      const told = await stage.until(third, 'it is told', (so) => textsOf(so, threadId).length > 0);
      deepEqual([textsOf(told, threadId), told.sessions[0]?.resumed], [['back'], true]);
    },
  },
];
