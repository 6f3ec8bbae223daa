// That the crash test can fail: the same kill, on the node as it is and on one whose replies leave before what they stand
// for is written. The second loses what it acknowledged.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HistoryServiceService } from '#proto/parley/v1/history_service.ts';
import { startPlatform } from '../../platform/platform.ts';
import { People, clientId, groupOf, sendOn } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';

const server = path.resolve(import.meta.dirname, '../../server');
/**
 * The node's own program, over a database that says that it has written and writes 50 ms later, in order: from the moment there is a
 * file `begin` beside it, so that what the test stands on is there first.
 */
const tooEarly = `
import { existsSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Database } from '${server}/store/embedded/database.ts';
const write = Database.prototype.write;
let last = Promise.resolve();
Database.prototype.write = async function (...batch) {
  if (!existsSync(import.meta.dirname + '/begin')) return write.apply(this, batch);
  last = last.then(() => pause(50)).then(() => write.apply(this, batch));
};
await import('${server}/main.ts');
`;

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'parley-early-'));
  await writeFile(path.join(folder, 'main.ts'), tooEarly);
});
afterAll(() => rm(folder, { recursive: true }));

/** Acknowledged sequences that the log does not have after a kill in the moment of the hundredth answer. */
async function lostByKill(main: string): Promise<bigint[]> {
  await using platform = await startPlatform({ env: unlimited, main });
  const [node] = platform.nodes;
  using people = new People(platform);
  const alice = await people.person('alice');
  const threadId = await groupOf(alice);
  const stream = await alice.client.open().live({ deviceId: 'd1' });
  await writeFile(path.join(folder, 'begin'), '');
  const acknowledged: bigint[] = [];
  const send = async (): Promise<void> => {
    while (acknowledged.length < 100) acknowledged.push(await sendOn(stream, threadId, clientId()));
  };
  await Promise.all(Array.from({ length: 8 }, send));
  await node?.kill('SIGKILL');
  await node?.start();
  const { client } = await people.again(alice.id);
  const request = { threadId, afterSequence: 0n, upToSequence: 0n, pageSize: 1_000 };
  const { entries } = await client.ask(HistoryServiceService.listEntries, request);
  const kept = new Set(entries.map((entry) => entry.sequence));
  return acknowledged.filter((sequence) => !kept.has(sequence));
}

test('a node that replies before it has written is found out by a kill', async () => {
  expect(await lostByKill(path.join(folder, 'main.ts'))).not.toEqual([]);
});

test('the node as it is keeps what it acknowledged a moment before a kill', async () => {
  expect(await lostByKill(path.join(server, 'main.ts'))).toEqual([]);
});
