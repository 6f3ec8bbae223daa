import { expect, test } from 'vitest';
import { AppScene, line, openChatWith, say } from '../support/app-scene.ts';
import { unreadByReader, writeLongThread } from '../support/long-thread.ts';

const messages = 3_000;
const env = { PARLEY_LIMIT_SENDS_PER_S: '100000', PARLEY_LIMIT_SENDS_BURST: '100000' };

test('any place of a long thread is read where somebody looks, and little of it is in the page', async () => {
  await using scene = await AppScene.start({ env });
  const threadId = await writeLongThread(scene.platform, messages);
  const page = await scene.person('Reader', { path: `/t/${threadId}` });
  const list = page.locator('[role=list].scroller');
  await page.locator('article.line').first().waitFor();
  // Nothing of it was read yet: it begins there.
  await page.getByText('message 1', { exact: false }).first().waitFor();

  for (const part of [0.5, 0.9, 0.1, 1, 0]) {
    await list.evaluate((it, to) => (it.scrollTop = to * (it.scrollHeight - it.clientHeight)), part);
    // What is near that place is there, and no grey bar is left.
    const near = Math.max(1, Math.round(part * messages));
    const shown = async (): Promise<number> => {
      const texts = await page.locator('article.line .text').allInnerTexts();
      const numbers = texts.map((text) => Number(/^message (\d+)/.exec(text)?.[1]));
      const isWhole = (await page.locator('.gap').count()) === 0 && numbers.length > 5;
      return isWhole ? Math.min(...numbers.map((number) => Math.abs(number - near))) : messages;
    };
    await expect.poll(shown, { timeout: 10_000 }).toBeLessThan(messages * 0.1);
    expect(await page.locator('[data-index]').count()).toBeLessThan(120);
  }
  await page.getByRole('button', { name: /newest|new message/ }).click();
  await line(page, `message ${messages}`).waitFor();
  await say(page, 'I have read it all');
  await line(page, 'I have read it all').waitFor();
});

test('it begins at the first unread message, though the newest are there before it is known where the thread stands', async () => {
  await using scene = await AppScene.start({ env });
  const threadId = await writeLongThread(scene.platform, 300);
  const page = await scene.person('Reader', {
    path: `/t/${threadId}`,
    prepare: async (context) => {
      const read = Promise.withResolvers<void>();
      await context.route('**/parley.v1.HistoryService/ListMessages', async (route) => {
        await route.fulfill({ response: await route.fetch() });
        read.resolve();
      });
      await context.route(/\/parley\.v1\.(StreamService\/Listen|ThreadService\/\w+)$/, async (route) => {
        await read.promise;
        await route.continue();
      });
    },
  });
  await line(page, 'message 10').waitFor();
  // Nothing of it counts as read, however much of it was asked for.
  await page.getByRole('button', { name: '300 new messages' }).waitFor();
});

test('what answers a message far up says what it answers, and leads there', async () => {
  await using scene = await AppScene.start({ env });
  const threadId = await writeLongThread(scene.platform, 400);
  const page = await scene.person('Reader', { path: `/t/${threadId}` });
  await line(page, 'message 1').waitFor();
  await page.locator('article.line').first().hover();
  await page.locator('article.line').first().getByRole('button', { name: 'Reply' }).click();
  await say(page, 'far down');
  // Where the list begins after it.
  await expect.poll(() => unreadByReader(scene.platform, threadId)).toBe(0);
  await page.reload();
  await line(page, 'far down').locator('.quote', { hasText: 'message 1' }).click();
  await page.locator('article.marked', { hasText: 'message 1' }).waitFor();
});

test('it begins at what came meanwhile: after it was closed, and after another was looked at', async () => {
  await using scene = await AppScene.start({ env });
  const threadId = await writeLongThread(scene.platform, 60);
  const page = await scene.person('Reader', { path: `/t/${threadId}` });
  await page.getByRole('button', { name: '60 new messages' }).click();
  await line(page, 'message 60').waitFor();
  await page.locator('.to-end').waitFor({ state: 'detached' });
  await expect.poll(() => unreadByReader(scene.platform, threadId)).toBe(0);

  await page.goto('about:blank');
  await writeLongThread(scene.platform, 60, 61);
  await page.goto(`${scene.origin}/t/${threadId}`);
  await page.getByRole('button', { name: '60 new messages' }).waitFor();
  await line(page, 'message 61').waitFor();
  expect(await page.locator('[data-index]', { has: page.locator('.new-mark') }).innerText()).toContain('message 61');

  await page.getByRole('button', { name: '60 new messages' }).click();
  await expect.poll(() => unreadByReader(scene.platform, threadId)).toBe(0);
  await openChatWith(page, 'somebody');
  await writeLongThread(scene.platform, 60, 121);
  await page.locator('.item.new', { hasText: '60' }).click();
  await page.getByRole('button', { name: '60 new messages' }).waitFor();
  expect(await page.locator('[data-index]', { has: page.locator('.new-mark') }).innerText()).toContain('message 121');
});

test('who looks at the end stays there though a row and the composer grow between two frames, and who scrolls up is left alone', async () => {
  await using scene = await AppScene.start({ env });
  const threadId = await writeLongThread(scene.platform, 60);
  const page = await scene.person('Reader', { path: `/t/${threadId}`, motion: true });
  await page.getByRole('button', { name: '60 new messages' }).click();
  await page.locator('.to-end').waitFor({ state: 'detached' });
  const isOnScreen = async (text: string): Promise<boolean> =>
    line(page, text).evaluate((it) => {
      const bottom = (of: Element | null): number => of?.getBoundingClientRect().bottom ?? 0;
      return bottom(it) <= bottom(it.closest('.scroller'));
    });
  const isFollowed = async (number: number): Promise<void> => {
    await writeLongThread(scene.platform, 1, number);
    await line(page, `message ${number}`).waitFor();
    await expect.poll(() => isOnScreen(`message ${number}`)).toBe(true);
    await expect.poll(() => unreadByReader(scene.platform, threadId)).toBe(0);
  };
  await isFollowed(61);
  // Just before the list hears of its own scrolling to a new row.
  await page.evaluate(() => {
    const grow = (): void => {
      for (const it of document.querySelectorAll<HTMLElement>('.foot, .scroller-rows > :last-child')) {
        it.style.paddingBottom = '80px';
      }
    };
    addEventListener('scroll', grow, { capture: true, once: true });
  });
  await isFollowed(62);
  await isFollowed(63);

  await page.locator('.scroller').hover();
  await page.mouse.wheel(0, -300);
  await page.locator('.to-end').waitFor();
  await writeLongThread(scene.platform, 1, 64);
  await page.getByRole('button', { name: '1 new message' }).waitFor();
  expect(await isOnScreen('message 64')).toBe(false);
});
