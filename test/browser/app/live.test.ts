import { expect, test } from 'vitest';
import { AppScene, say } from '../support/app-scene.ts';

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
  await say(bob, 'what a day!');
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

  // What is not taken stands in the field again.
  await bob.context().route('**/PublishComment', (route) => route.abort());
  await say(bob, 'written with care');
  await bob.locator('.toast').waitFor();
  await expect.poll(() => bob.locator('#composer').inputValue()).toBe('written with care');

  // The demo says something by itself as long as somebody looks.
  const before = await bob.locator('.comment').count();
  await expect.poll(() => bob.locator('.comment').count(), { timeout: 15_000 }).toBeGreaterThan(before);
});

test('who looks at the end of the comments stays there, however high they are, and who reads further up is left alone', async () => {
  await using scene = await AppScene.start();
  const [alice, bob] = await Promise.all([
    scene.person('Alice', { path: '/live/talk' }),
    scene.person('Bob', { path: '/live/talk', width: 390, height: 844, motion: true }),
  ]);
  const list = bob.locator('.comments');
  // A few frames later, not when the next thing to draw has put it right.
  const toEnd = (): Promise<number> =>
    list.evaluate(async (it) => {
      for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
      return it.scrollHeight - it.clientHeight - it.scrollTop;
    });
  const comment = async (number: number): Promise<void> => {
    await say(alice, `comment ${number} ${'and a good deal more of it '.repeat(4 * (number % 5))}`);
    await bob.locator('.comment', { hasText: `comment ${number} ` }).waitFor();
  };
  for (let number = 0; number < 15; number++) {
    await comment(number);
    expect(await toEnd()).toBeLessThan(1);
  }
  await list.hover();
  await bob.mouse.wheel(0, -400);
  await bob.getByRole('button', { name: 'Go to the newest message' }).waitFor();
  await comment(15);
  await bob.getByRole('button', { name: '1 new message' }).click();
  await expect.poll(toEnd).toBeLessThan(1);
});
