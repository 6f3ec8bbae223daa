import { expect, test } from 'vitest';
import { Caller } from './support/caller.ts';
import { startEchoNode } from './support/echo-node.ts';
import { startGateway } from './support/gateway.ts';

test('more streams are open at once than the 1024 that Envoy allows by default', async () => {
  await using node = await startEchoNode();
  await using gateway = await startGateway([node.address]);
  const token = await gateway.issuer.token();
  await using open = new AsyncDisposableStack();
  // 256 streams a connection is the gateway's limit.
  const callers = Array.from({ length: 6 }, () => new Caller(gateway.address));
  open.defer(() => callers.forEach((caller) => caller[Symbol.dispose]()));
  const flows = callers.flatMap((caller) => Array.from({ length: 250 }, () => caller.flow(token)));
  for (const flow of flows) {
    open.use(flow);
    flow.write('hello');
  }
  const answered = (): number => flows.filter((flow) => flow.answers.length === 1).length;
  await expect.poll(answered, { timeout: 20_000 }).toBe(1500);
  expect(flows.filter((flow) => flow.ended !== undefined)).toEqual([]);
});

test('fifty readers that stopped reading leave the streams beside them alone', async () => {
  await using node = await startEchoNode();
  await using gateway = await startGateway([node.address]);
  await using open = new AsyncDisposableStack();
  const frozen = Array.from({ length: 50 }, async (_, index) => {
    const caller = new Caller(gateway.address);
    const flow = caller.flow(await gateway.issuer.token({ sub: `frozen ${index}` }));
    open.defer(() => caller[Symbol.dispose]());
    open.use(flow);
    flow.pause();
    flow.write('flood');
    return flow;
  });
  await Promise.all(frozen);
  // The windows are full when the node sends nothing more.
  await expect.poll(async () => node.isHeldBack(50), { timeout: 20_000 }).toBe(true);

  using caller = new Caller(gateway.address);
  await using lively = caller.flow(await gateway.issuer.token());
  for (let round = 1; round <= 100; round += 1) {
    lively.write(`round ${round}`);
    await expect.poll(() => lively.answers.length, { interval: 1, timeout: 10_000 }).toBe(round);
  }
});

test('the admin interface is on loopback, and a second gateway cannot share the port', async () => {
  await using node = await startEchoNode();
  await using gateway = await startGateway([node.address]);
  expect(gateway.envoy.admin).toMatch(/^127\.0\.0\.1:/);
  const port = Number(gateway.address.split(':')[1]);
  await expect(startGateway([node.address], { port })).rejects.toThrow(/in use/i);
});
