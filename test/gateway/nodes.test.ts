import { expect, test } from 'vitest';
import { Caller } from './support/caller.ts';
import { startEchoNode } from './support/echo-node.ts';
import { startGateway } from './support/gateway.ts';

test('a user is sent to one node, and users are spread over the nodes', async () => {
  await using one = await startEchoNode();
  await using two = await startEchoNode();
  await using gateway = await startGateway([one.address, two.address]);
  const users = Array.from({ length: 40 }, (_, index) => `user ${index}`);
  const nodeOf = new Map<string, string | undefined>();
  for (let round = 0; round < 3; round += 1) {
    // A connection of its own each time: the node follows from the user, not from the connection.
    using caller = new Caller(gateway.address);
    for (const user of users) {
      const { node } = await caller.say(await gateway.issuer.token({ sub: user }));
      expect(node).toBe(nodeOf.get(user) ?? node);
      nodeOf.set(user, node);
    }
  }
  const onOne = [...nodeOf.values()].filter((node) => node === one.address).length;
  expect(onOne).toBeGreaterThan(8);
  expect(onOne).toBeLessThan(32);
});

test('a node that says it does not serve gets no calls, until it serves again', async () => {
  await using one = await startEchoNode();
  await using two = await startEchoNode();
  await using gateway = await startGateway([one.address, two.address]);
  using caller = new Caller(gateway.address);
  const tokens = await Promise.all(
    Array.from({ length: 20 }, (_, index) => gateway.issuer.token({ sub: `user ${index}` })),
  );
  const nodesUsed = async (): Promise<number> => {
    const answers = await Promise.all(tokens.map((token) => caller.say(token)));
    return new Set(answers.map((answer) => answer['node'])).size;
  };
  expect(await nodesUsed()).toBe(2);
  two.serving = false;
  await expect.poll(nodesUsed, { timeout: 10_000 }).toBe(1);
  two.serving = true;
  await expect.poll(nodesUsed, { timeout: 10_000 }).toBe(2);
});

test('calls to a node that is gone are UNAVAILABLE at once, and answered as soon as it is back', async () => {
  const first = await startEchoNode();
  const port = Number(first.address.split(':')[1]);
  await using gateway = await startGateway([first.address]);
  using caller = new Caller(gateway.address);
  const token = await gateway.issuer.token();
  await caller.say(token);
  await first[Symbol.asyncDispose]();
  for (let call = 0; call < 50; call += 1) {
    expect(await caller.refusal(caller.say(token))).toMatchObject({ code: 'UNAVAILABLE' });
  }
  await using again = await startEchoNode(port);
  const isAnswered = async (): Promise<boolean> =>
    caller.say(token).then(
      () => true,
      () => false,
    );
  // Had all those failures thrown the only node out, this would take its ejection's five seconds.
  await expect.poll(isAnswered, { timeout: 3000 }).toBe(true);
  expect(again.calls).toBeGreaterThan(0);
});
