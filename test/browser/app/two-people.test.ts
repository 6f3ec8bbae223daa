import { afterAll, beforeAll, expect, test } from 'vitest';
import { AppScene, line, openChat, openChatWith, say } from '../support/app-scene.ts';

let scene: AppScene;
beforeAll(async () => {
  scene = await AppScene.start();
});
afterAll(() => scene[Symbol.asyncDispose]());

test('two people see each other write, and what became of what they wrote', async () => {
  const [alice, bob] = await Promise.all([scene.person('Alice'), scene.person('Bob')]);
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
  await alice.getByRole('button', { name: 'New chat' }).first().click();
  await alice.getByRole('radio', { name: 'Group' }).check();
  await alice.getByPlaceholder('Weekend plans').fill('Tea');
  for (const name of ['bill', 'carol']) {
    await alice.getByPlaceholder('Name of a person').fill(name);
    await alice.getByPlaceholder('Name of a person').press('Enter');
  }
  await alice.getByRole('button', { name: 'Create group' }).click();
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
