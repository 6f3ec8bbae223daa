// The erasure of a user through kill -9 of the node: it goes on where it was, and in the end no file of the store holds a word of theirs.
import { randomBytes } from 'node:crypto';
import { mkdtempDisposable } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { EraseUserRequest, UserAdminServiceService } from '#proto/parley/service/v1/user_admin_service.ts';
import { PeopleServiceService } from '#proto/parley/v1/people_service.ts';
import { ThreadServiceService } from '#proto/parley/v1/thread_service.ts';
import { startPlatform } from '../../platform/platform.ts';
import { systemClock } from '../../server/core/clock.ts';
import { openEmbeddedStore } from '../../server/store/embedded/store.ts';
import { holding } from '../support/holding.ts';
import { directThread, groupOf, People, post } from '../support/raw-people.ts';
import { Services } from '../support/services.ts';
import { unlimited } from '../support/unlimited.ts';

const messages = 4_500;
const kills = 3;

test('an erasure outlives kills of the node, counts each message once, and leaves no word in any file', async () => {
  await using folder = await mkdtempDisposable(path.join(os.tmpdir(), 'parley-erase-'));
  await using platform = await startPlatform({ services: true, env: unlimited, dataDir: folder.path });
  const [node] = platform.nodes;
  if (node === undefined) throw new Error('the platform has no node');
  using people = new People(platform);
  using services = new Services(platform);
  const [alice, bob, carol] = [await people.person('alice'), await people.person('bob'), await people.person('carol')];
  const [hers, others] = [randomBytes(12).toString('hex'), randomBytes(12).toString('hex')];
  const threads = [await directThread(alice, bob), await groupOf(alice, bob, carol), await groupOf(bob, alice)];
  for (let sent = 0; sent < messages; sent += 50) {
    const threadId = threads[(sent / 50) % threads.length] ?? '';
    await Promise.all(Array.from({ length: 50 }, (_, at) => post(alice, threadId, `${hers} ${sent + at}`)));
    await post(bob, threadId, others);
  }
  await alice.client.ask(PeopleServiceService.updateProfile, { displayName: `${hers} name`, avatarUrl: '' });
  const request = EraseUserRequest.create({ requestId: 'gdpr-1', userId: alice.id });
  const crm = await services.named('crm');
  const entries = async (): Promise<bigint> => {
    const heads = await Promise.all(
      threads.map((threadId) => bob.client.call(ThreadServiceService.getThread, { threadId })),
    );
    return heads.reduce((sum, { response }) => sum + (response?.thread?.head?.sequence ?? 0n), 0n);
  };
  for (let kill = 1; kill <= kills; kill += 1) {
    const before = await entries();
    const broken = crm.call(UserAdminServiceService.eraseUser, request);
    await expect.poll(entries, { interval: 5, timeout: 10_000 }).toBeGreaterThan(before + 20n);
    await node.kill('SIGKILL');
    expect((await broken).status.code).toBe('UNAVAILABLE');
    await node.start();
    await expect.poll(entries, { timeout: 10_000 }).toBeGreaterThan(before);
  }
  const once = () => crm.ask(UserAdminServiceService.eraseUser, request);
  let answer = await once();
  for (let calls = 0; !answer.done && calls < 60; calls += 1) answer = await once();
  expect(answer).toMatchObject({
    done: true,
    report: { messages: BigInt(messages), threads: 3n, threadsLeft: 0n, groupsLeft: 2n },
  });
  expect(await once()).toEqual(answer);
  await platform.stop();
  const kept = path.join(folder.path, 'store');
  const store = await openEmbeddedStore({ folder: kept, clock: systemClock });
  await store.compact();
  await store[Symbol.asyncDispose]();
  expect(await holding(kept, hers)).toEqual([]);
  expect(await holding(kept, others)).not.toEqual([]);
});
