// `npm run bench -- web [first-load,latency,history] [--messages N] [--sends N] [--runs N]`: the web app in a real Chromium, through Envoy.
import { globSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { builtWebApp } from '../../platform/web-app.ts';
import { AppScene, line, openChatWith, say } from '../browser/support/app-scene.ts';
import { writeLongThread } from '../browser/support/long-thread.ts';

export const webUsage = `npm run bench -- web [first-load,latency,history]
  --runs N        page loads in fresh profiles; default 5
  --sends N       messages from one browser to the other; default 200
  --messages N    messages of the long thread; default 100000`;

/** What a fresh profile's processor is slowed down by. */
const slowdown = 4;
const jumps = 40;
const keyEveryMs = 20;
/** A message that is not shown by then never will be. */
const shownWithinMs = 10_000;

/** Prints what it measured as a JSON object in the last line; times in milliseconds. */
export async function benchWeb(args: readonly string[]): Promise<void> {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { runs: text, sends: text, messages: text },
  });
  const parts = (positionals[0] ?? 'first-load,latency,history').split(',');
  const number = (value: string | undefined, fallback: number): number => Number(value ?? fallback);
  const folder = builtWebApp();
  const report: Record<string, number> = {
    first_load_gzip_bytes: globSync('**/*.gz', { cwd: folder }).reduce(
      (sum, it) => sum + statSync(path.join(folder, it)).size,
      0,
    ),
    script_bytes: globSync('**/*.js', { cwd: folder }).reduce(
      (sum, it) => sum + readFileSync(path.join(folder, it)).length,
      0,
    ),
  };
  // A long thread is written faster than people may.
  const env = { PARLEY_LIMIT_SENDS_PER_S: '1000000', PARLEY_LIMIT_SENDS_BURST: '1000000' };
  await using scene = await AppScene.start({ web: 'demo', env });
  if (parts.includes('first-load')) Object.assign(report, await firstLoad(scene, number(values.runs, 5)));
  if (parts.includes('latency')) Object.assign(report, await latency(scene, number(values.sends, 200)));
  if (parts.includes('history')) Object.assign(report, await history(scene, number(values.messages, 100_000)));
  process.stdout.write(`${JSON.stringify({ bench: 'web', ...report })}\n`);
}

/** From the first byte asked for to a composer that takes a key, signed in by name, everything fetched anew. */
async function firstLoad(scene: AppScene, runs: number): Promise<Record<string, number>> {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const page = await scene.stranger({ path: '/favicon.svg' });
    const session = await page.context().newCDPSession(page);
    await session.send('Emulation.setCPUThrottlingRate', { rate: slowdown });
    // Keys are hit until one arrives, and the page says when: what asks it would run at a quarter of the speed in it, as part of the time.
    let ms = 0;
    session.on('Runtime.bindingCalled', ({ payload }) => (ms ||= Number(payload)));
    await session.send('Runtime.enable');
    await session.send('Runtime.addBinding', { name: 'keyArrived' });
    await page.addInitScript(() => {
      const { keyArrived } = window as unknown as { keyArrived: (ms: string) => void };
      addEventListener('input', () => keyArrived(String(performance.now())), true);
    });
    await page.goto(`${scene.origin}/?as=Reader${run}`, { waitUntil: 'commit' });
    while (ms === 0) {
      await session.send('Input.dispatchKeyEvent', { type: 'keyDown', key: 'k', code: 'KeyK', text: 'k' });
      await session.send('Input.dispatchKeyEvent', { type: 'keyUp', key: 'k', code: 'KeyK' });
      await sleep(keyEveryMs);
    }
    times.push(ms);
    await page.context().close();
  }
  return { composer_ms_median: middle(times), composer_ms_max: Math.max(...times) };
}

/** From Enter in one window to the text being in the other's page. */
async function latency(scene: AppScene, sends: number): Promise<Record<string, number>> {
  const [alice, bob] = await Promise.all([scene.person('Alice'), scene.person('Bob')]);
  await openChatWith(alice, 'bob');
  await say(alice, 'first');
  await bob.locator('.item', { hasText: 'Alice' }).click();
  await line(bob, 'first').waitFor();
  // The page says when: to ask it at every frame would keep it drawing frames.
  const shown = new Map<string, (ms: number) => void>();
  await bob.exposeFunction('shown', (text: string, ms: number) => shown.get(text)?.(ms));
  await bob.evaluate(() => {
    const { shown } = window as unknown as { shown: (text: string, ms: number) => void };
    const seen = new Set<string>();
    new MutationObserver(() => {
      for (const it of document.querySelectorAll('.text')) {
        const text = it.textContent ?? '';
        if (!text.startsWith('n') || seen.has(text)) continue;
        seen.add(text);
        shown(text, performance.timeOrigin + performance.now());
      }
    }).observe(document.body, { childList: true, subtree: true });
  });
  const times: number[] = [];
  for (let at = 0; at < sends; at++) {
    const text = `n${at} of many`;
    const seen = new Promise<number>((resolve) => shown.set(text, resolve));
    await alice.locator('#composer').fill(text);
    const sentMs = await alice.evaluate(() => {
      const field = document.querySelector('textarea');
      const sent = performance.timeOrigin + performance.now();
      field?.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
      return sent;
    });
    const missed = sleep(shownWithinMs, undefined, { ref: false }).then(() => {
      throw new Error(`message ${at} of ${sends} was not shown within ${shownWithinMs / 1_000} s`);
    });
    times.push((await Promise.race([seen, missed])) - sentMs);
  }
  times.sort((a, b) => a - b);
  await Promise.all([alice, bob].map((page) => page.context().close()));
  return { shown_ms_p50: at(times, 0.5), shown_ms_p99: at(times, 0.99), shown_ms_max: times.at(-1) ?? 0, sends };
}

/** From setting the scroll bar to the messages of that place being drawn, at places all over a long thread. */
async function history(scene: AppScene, messages: number): Promise<Record<string, number>> {
  const threadId = await writeLongThread(scene.platform, messages);
  const page = await scene.person('Reader', { path: `/t/${threadId}` });
  await page.locator('article.line').first().waitFor();
  const times: number[] = [];
  for (let jump = 0; jump < jumps; jump++) {
    const part = (jump * 0.618) % 1;
    times.push(await page.evaluate(scrollTo, part));
  }
  times.sort((a, b) => a - b);
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  const rows = await page.locator('[data-index]').count();
  await page.context().close();
  return {
    thread_messages: messages,
    scroll_ms_p50: at(times, 0.5),
    scroll_ms_max: times.at(-1) ?? 0,
    heap_mb: usedSize / 1e6,
    rows_drawn: rows,
  };
}

/** In the page. Resolves once everything on screen is a message. */
function scrollTo(part: number): Promise<number> {
  const box = document.querySelector('.scroller') as HTMLElement;
  const from = performance.now();
  box.scrollTop = part * (box.scrollHeight - box.clientHeight);
  return new Promise((resolve) => {
    const look = (): void => {
      const { top, bottom } = box.getBoundingClientRect();
      const shown = [...box.querySelectorAll('[data-index]')].filter((it) => {
        const place = it.getBoundingClientRect();
        return place.bottom > top && place.top < bottom;
      });
      const isThere = shown.length > 3 && shown.every((it) => it.querySelector('.gap') === null);
      if (isThere) resolve(performance.now() - from);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}

function middle(times: readonly number[]): number {
  return at(
    times.toSorted((a, b) => a - b),
    0.5,
  );
}

function at(sorted: readonly number[], part: number): number {
  return Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0) * 10) / 10;
}
