// Threads that keep nothing, on one machine: after the last acknowledgement no file of it holds what was said.
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { RetentionMode } from '#proto/parley/v1/retention.ts';
import { RetentionServiceService } from '#proto/parley/v1/retention_service.ts';
import { ThreadServiceService } from '#proto/parley/v1/thread_service.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { systemClock } from '../../server/core/clock.ts';
import { openEmbeddedStore } from '../../server/store/embedded/store.ts';
import { groupOf, People } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';
import { killedBeforeErasing, lastAcknowledgementErases } from './retention.ts';

const env = { ...unlimited, PARLEY_RETENTION_DEFAULT: 'until-delivered' };
const program = (name: string): string => path.resolve(import.meta.dirname, '../..', name);

/** Files of a platform that hold the words: of its store, and of its log. */
async function holding({ dataDir }: Platform, words: string): Promise<string[]> {
  const files = (await readdir(dataDir, { recursive: true, withFileTypes: true })).filter((one) => one.isFile());
  const found = await Promise.all(
    files.map(async ({ parentPath, name }) =>
      (await readFile(path.join(parentPath, name)).catch(() => Buffer.alloc(0))).includes(words) ? [name] : [],
    ),
  );
  return found.flat();
}

/** The same after the store was compacted, for which its node must have stopped. */
async function holdingCompacted(platform: Platform, words: string): Promise<string[]> {
  for (const node of platform.nodes) await node.kill('SIGTERM');
  const store = await openEmbeddedStore({ folder: path.join(platform.dataDir, 'store'), clock: systemClock });
  await store.compact();
  await store[Symbol.asyncDispose]();
  return holding(platform, words);
}

test('what every device has acknowledged is in no file, and a device that comes later is told so', async () => {
  await using platform = await startPlatform({ env });
  const words = await lastAcknowledgementErases(platform, (some) => holding(platform, some));
  expect(await holdingCompacted(platform, words)).toEqual([]);
});

test('a node that is killed between the last acknowledgement and the erasing erases when it is back', async () => {
  await using platform = await startPlatform({ env, main: program('test/support/dies-at-erase.ts') });
  const [node] = platform.nodes;
  if (node === undefined) throw new Error('there is no node');
  const words = await killedBeforeErasing(platform, (some) => holding(platform, some), {
    dying: () => node.child.ended,
    restart: () => node.start({}, program('server/main.ts')),
  });
  expect(await holdingCompacted(platform, words)).toEqual([]);
});

test('a thread says how long its contents are kept, to its members, as it is set and as the deployment allows', async () => {
  await using platform = await startPlatform({ direct: true, env: { ...unlimited, PARLEY_RETENTION_MAX: '7d' } });
  using people = new People(platform);
  const [alice, bob] = [await people.person('alice'), await people.person('bob')];
  const threadId = await groupOf(alice, bob);
  const seconds = (of: number) => ({ seconds: BigInt(of), nanos: 0 });
  const { thread } = await bob.client.ask(ThreadServiceService.getThread, { threadId });
  expect(thread?.retention).toEqual({ mode: RetentionMode.RETENTION_MODE_KEEP_FOR, duration: seconds(7 * 86_400) });
  const set = (mode: RetentionMode, durationS?: number) =>
    alice.client.call(RetentionServiceService.setRetention, {
      threadId,
      retention: { mode, duration: durationS === undefined ? undefined : seconds(durationS) },
    });
  const asked = await set(RetentionMode.RETENTION_MODE_UNTIL_DELIVERED, 3_600);
  const rule = { mode: RetentionMode.RETENTION_MODE_UNTIL_DELIVERED, duration: seconds(3_600) };
  expect(asked.response).toEqual({ retention: rule });
  expect((await bob.client.ask(ThreadServiceService.getThread, { threadId })).thread?.retention).toEqual(rule);
  const refused = [
    await set(RetentionMode.RETENTION_MODE_KEEP, 60),
    await set(RetentionMode.RETENTION_MODE_KEEP_FOR),
    await set(RetentionMode.RETENTION_MODE_KEEP_FOR, 59),
    await set(9 as RetentionMode),
  ];
  expect(refused.map(({ status }) => status.reason)).toEqual(refused.map(() => 'INVALID_FIELD'));
});
