// The erasure of a user through kill -9 of the node that is at it, over any platform: it goes on where it was.
import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { EraseUserRequest, UserAdminServiceService } from '#proto/parley/service/v1/user_admin_service.ts';
import { PeopleServiceService } from '#proto/parley/v1/people_service.ts';
import { ThreadServiceService } from '#proto/parley/v1/thread_service.ts';
import type { Platform } from '../../platform/platform.ts';
import { directThread, groupOf, People, post } from '../support/raw-people.ts';
import { Services } from '../support/services.ts';

/** What must be in no store afterwards, and what must be there still. */
export interface Erased {
  readonly hers: string;
  readonly others: string;
}

/** Kills the node that erases, again and again; each time the next node of the platform is asked to go on. It counts each message once. */
export async function erasureOutlivesKills(platform: Platform, messages: number, kills: number): Promise<Erased> {
  const { nodes } = platform;
  using people = new People(platform);
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
  const entries = async (): Promise<bigint> => {
    const heads = await Promise.all(
      threads.map((threadId) => bob.client.call(ThreadServiceService.getThread, { threadId })),
    );
    return heads.reduce((sum, { response }) => sum + (response?.thread?.head?.sequence ?? 0n), 0n);
  };
  for (let kill = 0; kill < kills; kill += 1) {
    const at = kill % nodes.length;
    using services = new Services(platform, at);
    const before = await entries();
    const broken = (await services.named('crm')).call(UserAdminServiceService.eraseUser, request);
    await expect.poll(entries, { interval: 5, timeout: 10_000 }).toBeGreaterThan(before + 20n);
    await nodes[at]?.kill('SIGKILL');
    expect((await broken).status.code).toBe('UNAVAILABLE');
    await nodes[at]?.start();
    await expect.poll(entries, { timeout: 10_000 }).toBeGreaterThan(before);
  }
  using services = new Services(platform, kills % nodes.length);
  const crm = await services.named('crm');
  const once = () => crm.ask(UserAdminServiceService.eraseUser, request);
  let answer = await once();
  for (let calls = 0; !answer.done && calls < 60; calls += 1) answer = await once();
  expect(answer).toMatchObject({
    done: true,
    report: { messages: BigInt(messages), threads: 3n, threadsLeft: 0n, groupsLeft: 2n },
  });
  expect(await once()).toEqual(answer);
  return { hers, others };
}
