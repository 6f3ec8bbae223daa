// What becomes of a page: hidden, frozen, left and come back to.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SdkWorld } from './support/sdk-world.ts';
import { TabbedBrowser } from './support/tabbed-browser.ts';

/** Chromium holds a hidden page's timers back after seconds instead of five minutes. */
const soonHeldBack = [
  '--intensive-wake-up-throttling-policy=1',
  '--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/3',
];

let world: SdkWorld;

beforeAll(async () => {
  world = await SdkWorld.start();
});
afterAll(() => world[Symbol.asyncDispose]());

async function addressOf(user: string): Promise<string> {
  const { site, platform } = world;
  return `${site.origin}/?user=${user}&gateway=${platform.gateway}&token=${await platform.token(user)}`;
}

test('a tab that is frozen gives the lead away, and follows when it wakes: nothing is lost or doubled', async () => {
  await using browser = await TabbedBrowser.start();
  const address = await addressOf('frozen');
  const first = await browser.open(address);
  await first.until('window.parley');
  await first.run('parley.client.ready()');
  const threadId = await first.run<string>(`parley.client.threads.open('peer').then((thread) => thread.threadId)`);
  const second = await browser.open(address);
  await second.until('window.parley');
  await second.run('parley.client.ready()');
  expect(await first.run('parley.role.get()')).toBe('leading');
  expect(await first.run('document.visibilityState')).toBe('hidden');
  await first.say('Page.setWebLifecycleState', { state: 'frozen' });
  await second.until(`parley.role.get() === 'leading'`);
  await second.run('parley.client.ready()');
  await second.run(`parley.client.send('${threadId}', 'while it slept').then(() => 0)`);
  await first.say('Page.setWebLifecycleState', { state: 'active' });
  await first.until(`told.includes('while it slept')`);
  expect(await first.run('parley.role.get()')).toBe('following');
  await first.run(`parley.client.send('${threadId}', 'awake').then(() => 0)`);
  await second.until(`told.includes('awake')`);
  expect(await first.run('told')).toEqual(['while it slept', 'awake']);
});

test('a tab that was frozen while another signed the user out holds that up by nothing, and ends when it wakes', async () => {
  await using browser = await TabbedBrowser.start();
  const address = await addressOf('gone');
  const first = await browser.open(address);
  await first.until('window.parley');
  await first.run('parley.client.ready()');
  const second = await browser.open(address);
  await second.until('window.parley');
  await second.run('parley.client.ready()');
  await first.say('Page.setWebLifecycleState', { state: 'frozen' });
  await second.until(`parley.role.get() === 'leading'`);
  await second.run('parley.client.ready()');
  await second.run('parley.signOut()');
  await first.say('Page.setWebLifecycleState', { state: 'active' });
  await first.until(`parley.client.connection.phase === 'closed'`);
  expect(await second.run('indexedDB.databases()')).toEqual([]);
});

test('a hidden page whose own timers are held back to one a minute beats on time', async () => {
  await using browser = await TabbedBrowser.start(...soonHeldBack);
  const page = await browser.open(await addressOf('hidden'));
  await page.until('window.parley');
  await page.run('parley.client.ready()');
  const front = await browser.open('about:blank');
  await front.show();
  await page.until(`document.visibilityState === 'hidden'`);
  // Two clocks of two seconds: one as the SDK sets its timers, one as pages do.
  await page.run(`(() => {
    window.ours = 0;
    window.theirs = 0;
    const tick = () => parley.parts.runtime.setTimer(2000, () => { ours += 1; tick(); });
    const tock = () => setTimeout(() => { theirs += 1; tock(); }, 2000);
    tick();
    tock();
  })()`);
  // It holds back some 20 s later: then ours runs away from the other.
  await page.until('ours - theirs >= 4');
  expect(await page.run('parley.client.connection.phase')).toBe('live');
});

test('a page that is left and come back to was kept, opens its stream again, and is told what it missed', async () => {
  await using browser = await TabbedBrowser.start();
  const page = await browser.open(await addressOf('wanderer'));
  await page.until('window.parley');
  await page.run('parley.client.ready()');
  const threadId = await page.run<string>(`parley.client.threads.open('stayer').then((thread) => thread.threadId)`);
  await page.run(`parley.client.send('${threadId}', 'before').then(() => 0)`);
  const other = await browser.open(await addressOf('stayer'));
  await other.until('window.parley');
  await page.say('Page.navigate', { url: `${world.site.origin}/?elsewhere` });
  await page.until(`location.search === '?elsewhere' && document.readyState === 'complete'`);
  await other.run(`parley.client.send('${threadId}', 'meanwhile').then(() => 0)`);
  // The command answers when the page is another: what ran in the old one is gone.
  await page.run('setTimeout(() => history.back())');
  await page.until(`window.told?.includes('meanwhile')`);
  // The same page, not loaded anew: it was told both.
  expect(await page.run('told')).toEqual(['before', 'meanwhile']);
  expect(await page.run('states')).toContain('idle');
  expect(await page.run('parley.role.get()')).toBe('leading');
});
