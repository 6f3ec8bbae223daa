import { afterAll, beforeAll, expect, test } from 'vitest';
import { AppScene, line, openChatWith, say } from '../support/app-scene.ts';

let scene: AppScene;
beforeAll(async () => {
  scene = await AppScene.start();
});
afterAll(() => scene[Symbol.asyncDispose]());

const attacks = [
  '<img src=x onerror="window.hacked=1">',
  '<script>window.hacked=1</script>',
  '"><svg onload=window.hacked=1>',
  '{{constructor.constructor("window.hacked=1")()}}',
  '[click](javascript:window.hacked=1)',
  'javascript:window.hacked=1',
];

test('what people write is text: in messages, names of people and of groups, and in the list', async () => {
  const nasty = '<img src=x onerror=window.hacked=1>';
  const [alice, bob] = await Promise.all([scene.person(nasty), scene.person('Bob')]);
  await openChatWith(alice, 'bob');
  for (const attack of attacks) await say(alice, attack);
  await bob.locator('.item', { hasText: 'window.hacked' }).click();
  for (const attack of attacks) await line(bob, attack).waitFor();
  await alice.getByRole('button', { name: 'New chat' }).first().click();
  await alice.getByRole('radio', { name: 'Group' }).check();
  await alice.getByPlaceholder('Weekend plans').fill(nasty);
  await alice.getByPlaceholder('Name of a person').fill('bob');
  await alice.getByPlaceholder('Name of a person').press('Enter');
  await alice.getByRole('button', { name: 'Create group' }).click();
  await alice.locator('h1', { hasText: nasty }).waitFor();
  await bob.locator('.item', { hasText: 'img src' }).first().waitFor();
  for (const page of [alice, bob]) {
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
    expect(await page.locator('.conversation img, .sidebar img, .lines a[href^=javascript]').count()).toBe(0);
  }
});

test('links lead to http and https alone, and tell the other side nothing', async () => {
  const alice = await scene.person('Cleo');
  await openChatWith(alice, 'bob');
  await say(alice, 'see https://example.org/a?b=1. or ftp://x.test and data:text/html,x');
  const links = line(alice, 'see https').locator('a');
  expect(await links.count()).toBe(1);
  expect(await links.getAttribute('href')).toBe('https://example.org/a?b=1');
  expect(await links.getAttribute('rel')).toContain('noopener');
});

test('inline code does not run, whatever gets into the page', async () => {
  const page = await scene.person('Dora');
  const violated = await page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective), {
          once: true,
        });
        const script = document.createElement('script');
        try {
          script.textContent = 'window.hacked = 1';
          document.body.append(script);
        } catch {
          resolve('refused');
        }
      }),
  );
  expect(violated).toMatch(/script|refused/);
  expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
  // This page was broken on purpose.
  scene.complaints.length = 0;
});

test('Enter that ends a composition of an input method does not send', async () => {
  const page = await scene.person('Emil');
  await openChatWith(page, 'bob');
  const composer = page.locator('#composer');
  await composer.focus();
  const session = await page.context().newCDPSession(page);
  await session.send('Input.imeSetComposition', { text: 'nihao', selectionStart: 5, selectionEnd: 5 });
  const enter = { key: 'Enter', code: 'Enter', text: '\r' } as const;
  // As a browser tells the key that an input method takes.
  await session.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', windowsVirtualKeyCode: 229, ...enter });
  expect(await composer.inputValue()).toBe('nihao');
  await session.send('Input.insertText', { text: '你好' });
  expect(await composer.inputValue()).toBe('你好');
  expect(await page.locator('article.line').count()).toBe(0);
  await composer.press('Enter');
  await line(page, '你好').waitFor();
  expect(await composer.inputValue()).toBe('');
});

test('2,000 lines are folded, and right-to-left text stands on its side', async () => {
  const page = await scene.person('Fay');
  await openChatWith(page, 'bob');
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const text = Array.from({ length: 2_000 }, (_, at) => `line ${at}`).join('\n');
  await page.evaluate((it) => navigator.clipboard.writeText(it), text);
  await page.locator('#composer').press('ControlOrMeta+V');
  await page.locator('#composer').press('Enter');
  const long = line(page, 'line 0');
  // The row of the draft has gone by then.
  await long.getByRole('img', { name: 'Sent' }).waitFor();
  await long.getByRole('button', { name: 'Show all 2,000 lines' }).waitFor();
  expect(await long.getByText('line 1999').count()).toBe(0);
  expect((await long.boundingBox())?.height).toBeLessThan(600);
  await long.getByRole('button', { name: 'Show all' }).click();
  await long.getByText('line 1999').waitFor();
  // It is read from its beginning.
  expect((await long.boundingBox())?.y).toBeGreaterThan(0);
  await say(page, 'مرحبا بالعالم');
  const said = line(page, 'مرحبا').locator('.text');
  await expect.poll(() => said.evaluate((it) => getComputedStyle(it).direction)).toBe('rtl');
});

test('after midnight what was said today was said yesterday', async () => {
  const late = new Date().setHours(23, 59, 30, 0);
  const page = await scene.person('Owl', { prepare: (context) => context.clock.install({ time: late }) });
  await openChatWith(page, 'somebody');
  await say(page, 'still up');
  await page.locator('.day', { hasText: 'Today' }).waitFor();
  // Too short for anything else to draw the page anew.
  await page.clock.fastForward(late + 30_000 + 2_000 - (await page.evaluate(() => Date.now())));
  await page.locator('.day', { hasText: 'Yesterday' }).waitFor();
});
