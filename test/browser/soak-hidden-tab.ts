// `npm run soak:hidden-tab [-- MINUTES]`: hides a tab for seven minutes, in a Chromium as people have it, and counts what those who
// watch its user were told of them. Its exit code is 0 when they never went offline.
import { SdkWorld } from './support/sdk-world.ts';
import { TabbedBrowser } from './support/tabbed-browser.ts';

const minutes = Number(process.argv[2] ?? 7);
await using world = await SdkWorld.start();
await using browser = await TabbedBrowser.start();
const { site, platform } = world;
const addressOf = async (user: string): Promise<string> =>
  `${site.origin}/?user=${user}&gateway=${platform.gateway}&token=${await platform.token(user)}`;

const hidden = await browser.open(await addressOf('hidden'));
await hidden.until('window.parley');
await hidden.run('parley.client.ready()');
const threadId = await hidden.run<string>(`parley.client.threads.open('watcher').then((thread) => thread.threadId)`);
await hidden.run(`parley.client.send('${threadId}', 'hello').then(() => 0)`);
// The user in front of it has written too: then both may see when the other is there.
const watcher = await browser.open(await addressOf('watcher'));
await watcher.until('window.parley');
await watcher.run('parley.client.ready()');
await watcher.run(`parley.client.send('${threadId}', 'hello').then(() => 0)`);
await watcher.run(`(() => {
  window.heard = [];
  parley.client.on('presence', (presences) => heard.push(...presences.map(({ state }) => state)));
  return parley.client.watchPresence(['hidden']);
})()`);
await watcher.until('heard.includes(1)');
await hidden.until(`document.visibilityState === 'hidden'`);
// A page's own timer, to see that the browser does hold it back.
await hidden.run(`(() => {
  window.late = 0;
  let before = performance.now();
  setInterval(() => {
    late = Math.max(late, performance.now() - before - 1000);
    before = performance.now();
  }, 1000);
  window.states.length = 0;
})()`);
console.log(`hidden for ${minutes} minutes…`);
await new Promise((resolve) => setTimeout(resolve, minutes * 60_000));
const heard = await watcher.run<number[]>('heard');
const lateS = Math.round((await hidden.run<number>('late')) / 1000);
const states = await hidden.run<string[]>('states');
const offline = heard.filter((state) => state !== 1).length;
console.log(`told of its user: ${heard.join(' ')} (1 = online); the page's own timers came up to ${lateS} s late`);
console.log(`its connection changed ${states.length} times; offline events: ${offline}`);
process.exitCode = offline === 0 && heard.length > 0 ? 0 : 1;
