import { afterAll, beforeAll, expect, test } from 'vitest';
import { RetentionServiceService } from '#proto/parley/v1/retention_service.ts';
import { ThreadServiceService } from '#proto/parley/v1/thread_service.ts';
import { People } from '../../support/raw-people.ts';
import { AppScene, line, openChat, openChatWith, say } from '../support/app-scene.ts';

let scene: AppScene;
beforeAll(async () => {
  scene = await AppScene.start();
});
afterAll(() => scene[Symbol.asyncDispose]());

test('a chat keeps nothing when one of the two says so: who has the messages keeps them, and who comes later sees that they were', async () => {
  const [alice, bob] = await Promise.all([scene.person('Alice'), scene.person('Bob')]);
  await openChatWith(alice, 'bob');
  await alice.getByRole('button', { name: 'Details' }).click();
  const rule = alice.getByRole('button', { name: /^Messages/ });
  await rule.filter({ hasText: 'kept for good' }).click();
  await alice.getByRole('menuitem', { name: 'kept until everybody has them' }).click();
  await rule.filter({ hasText: 'kept until everybody has them' }).waitFor();
  await say(alice, 'for your eyes only');
  await openChat(bob, 'Alice');
  await bob.getByText('Alice changed how long messages are kept').waitFor();
  await line(bob, 'for your eyes only').waitFor();

  using people = new People(scene.platform);
  const { client } = await people.again('alice');
  const { thread } = await client.ask(ThreadServiceService.openDirectThread, { userId: 'bob' });
  const request = { threadId: thread?.threadId ?? '', pageSize: 0, pageToken: '' };
  const held = async (): Promise<number> =>
    (await client.ask(RetentionServiceService.getRetention, request)).heldMessages.length;
  await expect.poll(held).toBe(0);

  const later = await scene.person('Bob');
  await later.locator('.item', { hasText: 'Message no longer kept' }).click();
  await line(later, 'This message is no longer kept').waitFor();
  await line(bob, 'for your eyes only').waitFor();
  await line(alice, 'for your eyes only').waitFor();
});
