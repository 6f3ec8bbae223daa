// 50 readers that take nothing, all through Envoy, and the others: they receive everything meanwhile, as fast as before.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { People, type Person, groupOf, sendOn } from '../support/raw-people.ts';
import { unlimited } from '../support/unlimited.ts';
import { Http2Call } from '../support/http2-call.ts';
import { RawStream } from '../support/raw-stream.ts';
import { acknowledging, noise, toldOf, toldUpTo } from './told.ts';

const frozenReaders = 50;
const healthyReaders = 10;
const messages = 120;
const text = noise(20_000);

let platform: Platform;
let people: People;
const opened: RawStream[] = [];

beforeAll(async () => {
  platform = await startPlatform({ env: unlimited });
  people = new People(platform);
});
afterAll(async () => {
  for (const stream of opened) stream.cancel();
  people[Symbol.dispose]();
  await platform.stop();
});

/** Ms from each send to its arrival at every healthy reader, ascending. */
async function sendAndTime(author: RawStream, threadId: string, readers: RawStream[]): Promise<number[]> {
  const tookMs: number[] = [];
  for (let n = 0; n < messages; n++) {
    const startMs = performance.now();
    const sequence = await sendOn(author, threadId, text);
    await Promise.all(
      readers.map(async (reader) => {
        await reader.until(() => toldUpTo(reader, threadId) >= sequence);
        tookMs.push(performance.now() - startMs);
      }),
    );
  }
  return tookMs.toSorted((a, b) => a - b);
}

const at = (sorted: number[], share: number): number => sorted[Math.floor(sorted.length * share)] ?? Infinity;

test('50 frozen readers leave the others everything, and their latency', { timeout: 120_000 }, async () => {
  const author = await people.person('author');
  const healthy: Person[] = [];
  const frozen: Person[] = [];
  for (let n = 0; n < healthyReaders; n++) healthy.push(await people.person(`healthy${n}`));
  for (let n = 0; n < frozenReaders; n++) frozen.push(await people.person(`frozen${n}`));
  const threadId = await groupOf(author, ...healthy, ...frozen);
  const authors = await author.client.open().live({ deviceId: 'd1' });
  const readers = await Promise.all(
    healthy.map(async ({ client }) => acknowledging(await client.open().live({ deviceId: 'd1' }))),
  );
  const stuck = await Promise.all(
    frozen.map(async ({ token }) => {
      const stream = new RawStream(new Http2Call(platform.gateway, token));
      opened.push(stream);
      return acknowledging(await stream.live({ deviceId: 'd1' }));
    }),
  );

  const before = await sendAndTime(authors, threadId, readers);
  const all = await sendOn(authors, threadId, 'before');
  await Promise.all(stuck.map(async (one) => one.until(() => toldUpTo(one, threadId) === all)));
  for (const one of stuck) one.freeze();
  const during = await sendAndTime(authors, threadId, readers);
  const last = await sendOn(authors, threadId, 'last');
  await Promise.all(readers.map(async (one) => one.until(() => toldUpTo(one, threadId) === last)));

  // Whole and in order: toldUpTo throws otherwise; and nothing was skipped for them.
  for (const reader of readers) expect(toldOf(reader, threadId).every((told) => 'entry' in told)).toBe(true);
  // They were stuck all the while.
  for (const one of stuck) expect(toldUpTo(one, threadId)).toBeLessThan(last);
  expect(at(during, 0.5)).toBeLessThan(Math.max(at(before, 0.5) * 3, 100));
  expect(at(during, 0.99)).toBeLessThan(Math.max(at(before, 0.99) * 3, 500));

  // Thawed, each learns what it missed, in words, and is live again.
  for (const one of stuck) one.thaw();
  await Promise.all(stuck.map(async (one) => one.until(() => toldUpTo(one, threadId) >= all + 10n)));
  const marker = await sendOn(authors, threadId, 'marker');
  await Promise.all(stuck.map(async (one) => one.until(() => toldUpTo(one, threadId) === marker)));
});
