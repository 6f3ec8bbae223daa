// Every unary RPC of the descriptor set: known to the node, and refused from the catalogue whatever is wrong with the call.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { catalogue } from '../../server/core/errors.ts';
import type { RawStatus } from '../support/raw-status.ts';
import { People, type Person } from '../support/raw-people.ts';
import { methods } from '../wire/descriptors.ts';
import { unlimited } from '../support/unlimited.ts';

let platform: Platform;
let people: People;
let alice: Person;

beforeAll(async () => {
  platform = await startPlatform({ direct: true, env: unlimited });
  people = new People(platform);
  alice = await people.person('alice');
});
afterAll(async () => {
  people[Symbol.dispose]();
  await platform.stop();
});

// Submit belongs to the stream's sessions: its mistakes are test/wire's.
const unary = methods.filter((method) => !method.streaming);

function expectOfCatalogue(status: RawStatus): void {
  if (status.code === 'OK') return;
  expect(catalogue).toHaveProperty(String(status.reason), status.code);
  expect(status.domain).toBe('parley.chat');
  expect(status.reason).not.toBe('INTERNAL');
}

test.each(unary)('$path without a token, with no bytes, with broken ones and with too many', async ({ path }) => {
  const stranger = people.stranger();
  const bare = await stranger.bytes(`/${path}`, Buffer.alloc(0));
  if (bare.status.reason !== 'NOT_SERVED') expect(bare.status.reason).toBe('TOKEN_MISSING');
  for (const bytes of [Buffer.alloc(0), Buffer.from([0x0a, 0xff, 0xff]), Buffer.from([0x0a, 0x02, 0xc3, 0x28])]) {
    expectOfCatalogue((await alice.client.bytes(`/${path}`, bytes)).status);
  }
  const { status } = await alice.client.bytes(`/${path}`, Buffer.alloc(300 * 1_024, 0x0a));
  expect(['TOO_LARGE', 'NOT_SERVED']).toContain(status.reason);
});
