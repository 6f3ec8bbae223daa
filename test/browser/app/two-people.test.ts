import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AppScene, line, openChat, openChatWith, say } from '../support/app-scene.ts';

let scene: AppScene;
beforeAll(async () => {
  scene = await AppScene.start();
});
afterAll(() => scene[Symbol.asyncDispose]());

async function makeGroup(page: Page, name: string, people: readonly string[]): Promise<void> {
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await page.getByRole('radio', { name: 'Group' }).check();
  await page.getByPlaceholder('Weekend plans').fill(name);
  for (const person of people) {
    await page.getByPlaceholder('Name of a person').fill(person);
    await page.getByPlaceholder('Name of a person').press('Enter');
  }
  await page.getByRole('button', { name: 'Create group' }).click();
  await page.locator('h1', { hasText: name }).waitFor();
}

test('two people see each other write, and what became of what they wrote', async () => {
  const [alice, bob] = await Promise.all([scene.person('Alice'), scene.person('Bob', { motion: true })]);
  await openChatWith(alice, 'bob');
  await say(alice, 'shall we have tea?');
  await line(alice, 'shall we have tea?').getByRole('img', { name: 'Sent' }).waitFor();

  // Bob looks elsewhere: the list and the title tell him.
  await bob.locator('.item', { hasText: 'Alice' }).getByLabel('1 unread message').waitFor();
  await expect.poll(() => bob.title()).toBe('(1) Parley');
  await openChat(bob, 'Alice');
  await line(bob, 'shall we have tea?').waitFor();
  await expect.poll(() => bob.title()).toBe('Parley');

  // He began where something was new, with room to spare: the end is kept in sight all the same.
  for (let cup = 1; cup <= 24; cup++) await say(alice, `cup ${cup}`);
  await line(bob, 'cup 24').waitFor();
  await expect.poll(() => bob.title()).toBe('Parley');

  await say(bob, 'yes');
  await line(alice, 'yes').waitFor();
  await bob.locator('#composer').pressSequentially('at fi');
  await alice.locator('.typing', { hasText: 'Bob is typing' }).waitFor();
  await bob.locator('#composer').pressSequentially('ve');
  await bob.locator('#composer').press('Enter');
  await line(alice, 'at five').waitFor();
  await alice.locator('.typing', { hasText: 'Bob is typing' }).waitFor({ state: 'hidden' });
  await line(bob, 'at five').getByRole('img', { name: 'Read' }).waitFor();
  await line(alice, 'shall we have tea?').getByRole('img', { name: 'Read' }).waitFor();
  await alice.locator('.bar').getByText('online').waitFor();
});

test('somebody who is signed in twice signs the other browser out in the settings', async () => {
  const here = await scene.person('Zoe');
  const there = await scene.person('Zoe');
  await openChatWith(there, 'yan');
  await say(there, 'between us');
  await line(there, 'between us').getByRole('img', { name: 'Sent' }).waitFor();
  await here.locator('button.me').click();
  const devices = here.locator('.people-list', { hasText: 'Signed in on' });
  await expect.poll(() => devices.locator('.person').count()).toBe(2);
  await devices.getByText('this browser').waitFor();
  await devices.getByRole('button', { name: 'Sign out Chrome on Linux' }).click();
  await there.getByText('This browser was signed out.').waitFor();
  // Nothing of it is left on the screen, and nobody comes in who does not say who they are.
  expect(await there.locator('body').innerText()).not.toContain('between us');
  await there.getByRole('button', { name: 'Sign in' }).click();
  await there.getByRole('textbox').waitFor();
  expect(await there.locator('.shell').count()).toBe(0);
  await expect.poll(() => devices.locator('.person').count()).toBe(1);
});

test('a message is answered, reacted to, changed and erased, in both windows', async () => {
  const [alice, bob] = await Promise.all([scene.person('Ann'), scene.person('Ben')]);
  await openChatWith(alice, 'ben');
  await say(alice, 'the cake is a lie');
  await openChat(bob, 'Ann');

  const atBob = line(bob, 'the cake is a lie');
  await atBob.hover();
  await atBob.getByRole('button', { name: 'Reply' }).click();
  await say(bob, 'is it?');
  await line(alice, 'is it?').locator('.quote', { hasText: 'the cake is a lie' }).waitFor();

  await atBob.hover();
  await atBob.getByRole('button', { name: 'React', exact: true }).click();
  await bob.getByRole('button', { name: 'React with 🎉' }).click();
  await line(alice, 'the cake is a lie').getByRole('button', { name: '🎉 1' }).waitFor();

  // ArrowUp in an empty field takes up the last of one's own.
  await alice.locator('#composer').press('ArrowUp');
  await expect.poll(() => alice.locator('#composer').inputValue()).toBe('the cake is a lie');
  await say(alice, 'the cake is real');
  expect(await alice.locator('#composer').inputValue()).toBe('');
  // What answers it quotes it as it is now: it stands first.
  const cake = 'the cake is real';
  await bob.locator('article.line', { hasText: cake }).first().getByText('edited').waitFor();

  const atAlice = alice.locator('article.line', { hasText: cake }).first();
  await atAlice.hover();
  await atAlice.getByRole('button', { name: 'More' }).click();
  await alice.getByRole('menuitem', { name: 'Delete' }).click();
  await alice.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await bob.getByText('This message was deleted').waitFor();
  expect(await bob.locator('article.line', { hasText: cake }).count()).toBe(0);
});

test('a group is made, people are mentioned, roles given, and who left hears no more', async () => {
  const [alice, bob] = await Promise.all([scene.person('Amy'), scene.person('Bill')]);
  await makeGroup(alice, 'Tea', ['bill', 'carol']);
  await alice.getByText('3 members').waitFor();
  await openChat(bob, 'Tea');

  await alice.locator('#composer').pressSequentially('hello @bi');
  await alice.getByRole('option', { name: 'Bill' }).waitFor();
  await alice.locator('#composer').press('Enter');
  await alice.locator('#composer').pressSequentially('and all');
  await alice.locator('#composer').press('Enter');
  await bob.locator('.mention.mine', { hasText: '@Bill' }).waitFor();
  // Who is mentioned stays so when the message is edited, also by one whose page has not read who the members are.
  await alice.reload();
  await line(alice, 'hello @Bill and all').waitFor();
  await alice.locator('#composer').press('ArrowUp');
  await expect.poll(() => alice.locator('#composer').inputValue()).toBe('hello @Bill and all');
  await alice.locator('#composer').press('!');
  await alice.locator('#composer').press('Enter');
  await line(bob, 'hello @Bill and all!').locator('.mention.mine').waitFor();

  await alice.getByRole('button', { name: 'Details' }).click();
  await alice.getByRole('button', { name: 'What to do with Bill' }).click();
  await alice.getByRole('menuitem', { name: 'Make admin' }).click();
  await bob.getByText('Bill is now admin').waitFor();

  await bob.getByRole('button', { name: 'Details' }).click();
  await bob.getByRole('button', { name: 'Leave group' }).click();
  await bob.getByRole('dialog').getByRole('button', { name: 'Leave group' }).click();
  await alice.getByText('Bill left').waitFor();
});

test('who is blocked and unblocked again is seen to be there again', async () => {
  const [kim, lee] = await Promise.all([scene.person('Kim'), scene.person('Lee')]);
  await openChatWith(kim, 'lee');
  await say(kim, 'hello');
  await openChat(lee, 'Kim');
  await say(lee, 'hello');
  const online = kim.locator('.bar').getByText('online');
  await online.waitFor();
  await kim.getByRole('button', { name: 'Details' }).click();
  await kim.getByRole('button', { name: 'Block Lee' }).click();
  await online.waitFor({ state: 'detached' });
  await kim.getByRole('button', { name: 'Unblock' }).first().click();
  await online.waitFor();
});

test('the field for a name stays where it is while people are found for what is typed', async () => {
  const page = await scene.person('Ivy');
  for (const name of ['ivan', 'iris', 'isaac', 'ines', 'idris']) {
    await openChatWith(page, name);
    await say(page, 'hello');
    await line(page, 'hello').getByRole('img', { name: 'Sent' }).waitFor();
  }
  await page.getByRole('button', { name: 'New chat' }).first().click();
  const field = page.getByPlaceholder('Name of a person');
  const options = page.getByRole('list', { name: 'People' }).getByRole('button');
  await expect.poll(() => options.count()).toBe(5);
  const among = await field.boundingBox();
  await field.fill('nobody of these');
  await expect.poll(() => options.count()).toBe(1);
  expect(await field.boundingBox()).toEqual(among);

  // Enter takes whose name begins so, and not who merely has it in it.
  for (const [typed, taken] of [
    ['isa', 'isaac'],
    ['van', 'van'],
  ] as const) {
    await field.fill(typed);
    await expect.poll(() => options.count()).toBe(2);
    await field.press('Enter');
    await page.locator(`#composer[aria-label="Message ${taken}" i]`).waitFor();
    await page.getByRole('button', { name: 'New chat' }).first().click();
  }
});

test('what is typed right after a name was picked stands behind it, and a mention half written stays one', async () => {
  // Frames come late on a slow machine, keys do not.
  const slow = (): void => {
    const { requestAnimationFrame: next } = globalThis;
    globalThis.requestAnimationFrame = (run) => Number(setTimeout(() => next(run), 400));
  };
  const page = await scene.person('Mia', { prepare: async (context) => void (await context.addInitScript(slow)) });
  await scene.person('Ned');
  await makeGroup(page, 'Trip', ['ned']);
  await page.locator('#composer').pressSequentially('dear @ne');
  await page.getByRole('option', { name: 'Ned' }).click();
  await page.locator('#composer').pressSequentially('come along');
  expect(await page.locator('#composer').inputValue()).toBe('dear @Ned come along');
  // Nor is anybody picked by Enter who was declined.
  await page.locator('#composer').pressSequentially(' @');
  await page.getByRole('option', { name: 'Ned' }).waitFor();
  await page.locator('#composer').press('Escape');
  await page.getByRole('option').waitFor({ state: 'detached' });

  await openChatWith(page, 'ned');
  await openChat(page, 'Trip');
  await page.locator('#composer').press('Enter');
  await line(page, 'come along').locator('.mention', { hasText: '@Ned' }).waitFor();
});

test('a group is made once however often it is asked for, and a chat is found by how somebody is called now', async () => {
  const [page, other] = await Promise.all([scene.person('Tim'), scene.person('hong')]);
  await other.locator('.me').click();
  await other.getByLabel('Name that others see').fill('小红');
  await other.keyboard.press('Escape');
  await other.locator('.me', { hasText: '小红' }).waitFor();
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await page.getByPlaceholder('Name of a person').fill('hong');
  await page.keyboard.press('Enter');
  await page.locator('h1', { hasText: '小红' }).waitFor();
  await page.getByRole('button', { name: 'New chat' }).first().click();
  await page.getByRole('radio', { name: 'Group' }).check();
  await page.getByPlaceholder('Weekend plans').fill('Once');
  await page.getByRole('button', { name: 'Create group' }).dblclick();
  await page.locator('h1', { hasText: 'Once' }).waitFor();
  await page.getByRole('searchbox').fill('红');
  await page.locator('.item', { hasText: '小红' }).waitFor();
  await page.getByRole('searchbox').fill('onc');
  await expect.poll(() => page.locator('.item').count()).toBe(1);
});

test('who is removed while the group and its details are open is told so, and nothing fails', async () => {
  const [uma, vic] = await Promise.all([scene.person('Uma'), scene.person('Vic', { width: 390, height: 844 })]);
  await makeGroup(uma, 'Choir', ['vic']);
  await say(uma, 'welcome');
  await openChat(vic, 'Choir');
  await vic.getByRole('button', { name: 'Details' }).click();
  await vic.locator('.person', { hasText: 'Uma' }).waitFor();
  await uma.getByRole('button', { name: 'Details' }).click();
  await uma.getByRole('button', { name: 'What to do with Vic' }).click();
  await uma.getByRole('menuitem', { name: 'Remove from group' }).click();
  await vic.locator('.person').first().waitFor({ state: 'detached' });
  await vic.keyboard.press('Escape');
  await vic.locator('.details').waitFor({ state: 'detached' });
  await vic.getByText('You are not a member any more').waitFor();
  expect(await vic.locator('.toast').count()).toBe(0);

  // The list was left for the group: the way back leads there, and from there not into the group again.
  await vic.getByRole('button', { name: 'Back to the list' }).click();
  await expect.poll(() => new URL(vic.url()).pathname).toBe('/');
  expect(await vic.evaluate(() => history.state as unknown)).toBeNull();
});

test('the field keeps the focus when it is sent by a click, and a change that is not taken stands there again', async () => {
  const page = await scene.person('Wim');
  await openChatWith(page, 'xenia');
  await page.locator('#composer').fill('by the button');
  await page.getByRole('button', { name: 'Send' }).click();
  await line(page, 'by the button').getByRole('img', { name: 'Sent' }).waitFor();
  await page.keyboard.press('ArrowUp');
  await expect.poll(() => page.locator('#composer').inputValue()).toBe('by the button');
  await page.context().route('**/EditMessage', (route) => route.abort());
  await say(page, 'changed with care');
  await page.locator('.toast').waitFor();
  await expect.poll(() => page.locator('#composer').inputValue()).toBe('changed with care');
  await page.context().unroute('**/EditMessage');
  await page.keyboard.press('Enter');
  await line(page, 'changed with care').getByText('edited').waitFor();

  // What the page has to say is seen over a dialog too.
  await page.evaluate(() => (Notification.requestPermission = async () => 'denied'));
  await page.locator('.me').click();
  await page.getByLabel('Desktop notifications').click();
  await page.locator('.toasts:popover-open .toast', { hasText: 'does not allow' }).waitFor();
});

test('a notification comes when nobody looks, and not where another tab is looked at', async () => {
  const watch = (): void => {
    const told: string[] = [];
    const Told = class {
      static permission = 'granted';
      constructor(title: string) {
        told.push(title);
      }
      addEventListener(): void {}
    };
    Object.assign(globalThis, { told, Notification: Told });
    localStorage.setItem('parley.settings', '{"notify":true}');
  };
  const first = await scene.person('Yve', { prepare: async (context) => void (await context.addInitScript(watch)) });
  const second = await first.context().newPage();
  await second.addInitScript(() => (document.hasFocus = () => false));
  await second.goto(`${scene.origin}/?as=Yve`);
  await second.locator('.shell').waitFor();
  // How one looks, the other does.
  await first.bringToFront();
  await first.locator('.me').click();
  await first.getByRole('radio', { name: 'Dark' }).check();
  await first.keyboard.press('Escape');
  await expect.poll(() => second.evaluate(() => document.documentElement.dataset['theme'])).toBe('dark');
  const zac = await scene.person('Zac');
  await openChatWith(zac, 'yve');
  const told = (page: Page): Promise<string[]> =>
    page.evaluate(() => (globalThis as unknown as { told: string[] }).told);
  await say(zac, 'seen');
  for (const page of [first, second]) await page.locator('.item', { hasText: 'seen' }).waitFor();
  await first.evaluate(() => {
    document.hasFocus = () => false;
    dispatchEvent(new Event('blur'));
  });
  await say(zac, 'not seen');
  for (const page of [first, second]) await expect.poll(() => told(page)).toEqual(['Zac']);
});
