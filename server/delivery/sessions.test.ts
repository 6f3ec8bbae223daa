import { afterEach, describe, expect, it } from 'vitest';
import { reasonOf } from '../../test/support/chat-node.ts';
import {
  type DeliveryNode,
  type DeliveryNodeOptions,
  openDeliveryNode,
  turns,
} from '../../test/support/delivery-node.ts';
import type { UserId } from '../core/ids.ts';

let node: DeliveryNode;

async function start(options: DeliveryNodeOptions = {}): Promise<void> {
  node = await openDeliveryNode(options);
  node.clock.turn(1_000);
}
afterEach(() => node[Symbol.asyncDispose]());

describe('Who may open a session', () => {
  it('is limited per user, also of those that open at once', async () => {
    await start({ admission: { sessionsPerUser: 3 } });
    const devices = Array.from({ length: 10 }, (_, n) => node.open('alice', `d${n}`));
    const reasons = await Promise.all(devices.map((device) => reasonOf(device.opened)));
    expect(reasons.toSorted()).toEqual([
      ...Array.from({ length: 7 }, () => 'TOO_MANY_SESSIONS'),
      ...Array.from({ length: 3 }, () => 'not refused'),
    ]);
    expect(await reasonOf(node.open('bob').opened)).toBe('not refused');
  });

  it('does not count the session of the device that comes back', async () => {
    await start({ admission: { sessionsPerUser: 2 } });
    for (const device of ['phone', 'laptop', 'phone', 'laptop']) await node.live('alice', device);
    expect(node.sessions.size).toBe(2);
  });

  it('is limited per second, with the time to wait', async () => {
    await start({ admission: { connectsPerS: 2 } });
    node.clock.turn(1_000);
    expect(await reasonOf(node.open('a').opened)).toBe('not refused');
    expect(await reasonOf(node.open('b').opened)).toBe('not refused');
    await expect(node.open('c').opened).rejects.toMatchObject({
      reason: 'OVERLOADED',
      retryAfterMs: expect.toSatisfy((ms: number) => ms >= 1_000 && ms <= 2_000),
    });
    node.clock.turn(500);
    expect(await reasonOf(node.open('c').opened)).toBe('OVERLOADED');
    node.clock.turn(600);
    expect(await reasonOf(node.open('c').opened)).toBe('not refused');
  });
});

describe('A session', () => {
  it('ends 60 s after its last heartbeat, and its user is gone', async () => {
    await start();
    const alice = await node.live('alice');
    for (let n = 0; n < 5; n += 1) {
      node.clock.turn(25_000);
      alice.session.heartbeat(true);
    }
    node.clock.turn(58_000);
    expect(alice.ended).toBeUndefined();
    node.clock.turn(4_000);
    expect(alice.ended?.goodbye.reason).toBe('heartbeat-missed');
    expect(alice.all('goodbye')).toHaveLength(1);
    expect([node.sessions.size, await node.registry.locate('alice' as UserId)]).toEqual([0, []]);
  });

  it('ends when nothing of it was taken for 90 s, though its heartbeats come, and not before', async () => {
    await start();
    const alice = await node.live('alice');
    alice.freeze();
    alice.session.heartbeat(true);
    await turns();
    for (let n = 0; n < 3; n += 1) {
      node.clock.turn(25_000);
      alice.session.heartbeat(true);
    }
    node.clock.turn(13_000);
    expect(alice.ended).toBeUndefined();
    node.clock.turn(4_000);
    expect([alice.ended?.goodbye.reason, alice.destroyed]).toEqual(['too-slow', true]);
  });

  it('ends when its token does, unless it was given a newer one', async () => {
    await start();
    const tokenMs = 40_000;
    const [alice, bob] = [await node.live('alice', 'd1', { tokenMs }), await node.live('bob', 'd1', { tokenMs })];
    bob.session.reauthenticated(node.clock.nowMs() + 80_000);
    node.clock.turn(42_000);
    expect(alice.ended).toMatchObject({ goodbye: { reason: 'token-expired' }, refusal: { reason: 'TOKEN_EXPIRED' } });
    expect(bob.ended).toBeUndefined();
  });

  it('is looked at in time also when the event loop stood still for long', async () => {
    await start();
    const alice = await node.live('alice');
    const monotonicMs = node.clock.monotonicMs();
    const real = node.clock.monotonicMs.bind(node.clock);
    // As seen by the one timer that fires after the stall.
    node.clock.monotonicMs = () => real() + 200_000;
    node.clock.turn(1_000);
    expect(monotonicMs).toBeLessThan(200_000);
    expect(alice.ended?.goodbye.reason).toBe('heartbeat-missed');
  });
});

describe('A drain', () => {
  it('asks every device to move in slices, refuses new ones, and waits for those that move', async () => {
    await start();
    const devices = await Promise.all(Array.from({ length: 40 }, (_, n) => node.live(`user-${n}`)));
    const asked = (): number => devices.filter((device) => device.all('goodbye').length > 0).length;
    let isDone = false;
    const drained = node.sessions.drain(1_000, 10_000).then(() => (isDone = true));
    await node.clock.turnSlowly(500, 50);
    expect(asked()).toBeGreaterThan(5);
    expect(asked()).toBeLessThan(35);
    expect(await reasonOf(node.open('late').opened)).toBe('DRAINING');
    await node.clock.turnSlowly(700, 50);
    expect([asked(), isDone]).toEqual([40, false]);
    for (const device of devices) device.break();
    await node.clock.turnSlowly(200, 50);
    await drained;
    expect(node.sessions.size).toBe(0);
  });

  it('ends those that have not moved in time with what they were told, and says nothing after', async () => {
    await start();
    const alice = await node.live('alice');
    const drained = node.sessions.drain(0, 2_000);
    await node.clock.turnSlowly(2_500, 50);
    await drained;
    expect(alice.ended?.goodbye.reason).toBe('draining');
    expect(alice.all('goodbye')).toHaveLength(1);
  });

  it('says goodbye to a stream that opens just then only after its Welcome', async () => {
    await start();
    const alice = node.open('alice');
    await alice.until(() => node.sessions.size === 1);
    const drained = node.sessions.drain(0, 1_000);
    await alice.opened;
    await alice.until(() => alice.all('caughtUp').length > 0);
    expect(alice.told.map(({ $case }) => $case)).toEqual(['welcome', 'goodbye', 'caughtUp']);
    await node.clock.turnSlowly(1_500, 50);
    await drained;
  });
});
