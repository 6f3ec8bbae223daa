import { expect, test } from 'vitest';
import { AppScene } from '../support/app-scene.ts';

test('who comes for the first time finds a group and a live post, and may moderate it', async () => {
  await using scene = await AppScene.start({ web: 'demo' });
  const alice = await scene.person('Alice');
  await alice.locator('h1', { hasText: '#ubuntu' }).waitFor();
  await alice.locator('article.line').nth(5).waitFor();

  await alice.locator('.item', { hasText: 'Release day' }).click();
  await alice.locator('.comment').first().waitFor();
  await alice.getByText('1 viewer').first().waitFor();
  const bob = await scene.person('Bob', { path: '/live/demo:release-day' });
  await alice.getByText('2 viewers').first().waitFor();
  await bob.locator('#composer').fill('what a day!');
  await bob.locator('#composer').press('Enter');
  const comment = alice.locator('.comment', { hasText: 'what a day!' });
  await comment.waitFor();

  await comment.hover();
  await comment.getByRole('button', { name: 'More' }).click();
  await alice.getByRole('menuitem', { name: 'Pin' }).click();
  await bob.locator('.pinned-comment', { hasText: 'what a day!' }).waitFor();
  await comment.hover();
  await comment.getByRole('button', { name: 'More' }).click();
  await alice.getByRole('menuitem', { name: 'Delete' }).click();
  await bob.locator('.comment', { hasText: 'what a day!' }).waitFor({ state: 'detached' });

  // The demo says something by itself as long as somebody looks.
  const before = await bob.locator('.comment').count();
  await expect.poll(() => bob.locator('.comment').count(), { timeout: 15_000 }).toBeGreaterThan(before);
});
