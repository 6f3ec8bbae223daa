// The Web SDK in a real Chromium, through a real Envoy: one user in several tabs, several users in one browser, what is kept.
import type { BrowserContext, Dialog, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { inBrowserThatKeepsNothing } from './support/browser.ts';
import { look, lookAt, opened, ready, role, SdkWorld, send, shows, texts } from './support/sdk-world.ts';

let world: SdkWorld;
let context: BrowserContext;
let users = 0;
let alice: string;
let bob: string;

beforeAll(async () => {
  world = await SdkWorld.start();
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  // Users of its own for each test.
  users += 1;
  alice = `alice-${users}`;
  bob = `bob-${users}`;
  context = await world.browser.newContext();
});
afterEach(() => context.close());

/** Drafts on disk, read by the page past the SDK. */
function draftsOnDisk(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const request = indexedDB.open(`parley ${window.gatewayOrigin} ${window.parley.userId}`);
    await new Promise((resolve) => (request.onsuccess = resolve));
    const count = request.result.transaction('drafts').objectStore('drafts').count();
    await new Promise((resolve) => (count.onsuccess = resolve));
    request.result.close();
    return count.result;
  });
}

function databases(page: Page): Promise<string[]> {
  return page.evaluate(async () => (await indexedDB.databases()).map(({ name }) => name ?? ''));
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('what is kept', () => {
  test('a draft written without a network, its tab closed, is sent once when a tab is opened again', async () => {
    const first = await world.live(context, alice);
    const threadId = await lookAt(first, bob);
    await send(first, threadId, 'before');
    await context.setOffline(true);
    await first.evaluate((id) => void window.parley.client.send(id, 'in the dark').catch(() => undefined), threadId);
    await until(async () => (await draftsOnDisk(first)) === 1);
    await first.close();
    await context.setOffline(false);

    const again = await world.live(context, alice);
    await look(again, threadId);
    await shows(again, threadId, 'in the dark');
    await until(async () => (await draftsOnDisk(again)) === 0);
    const other = await world.live(await world.browser.newContext(), bob);
    await look(other, threadId);
    await shows(other, threadId, 'in the dark');
    expect(await texts(other, threadId)).toEqual(['before', 'in the dark']);
    await other.context().close();
  });

  test('a reload shows threads and lines before there is a network, and resumes: nothing is told twice', async () => {
    const page = await world.live(context, alice);
    const threadId = await lookAt(page, bob);
    await send(page, threadId, 'one');
    await send(page, threadId, 'two');
    await page.waitForFunction(() => window.threads().length === 1);
    await page.evaluate(() => window.parley.parts.keeper.flush());
    // The page comes, Parley does not.
    await context.route(`http://${world.platform.gateway}/**`, (route) => route.abort());
    await page.reload();
    await opened(page);
    await look(page, threadId);
    await shows(page, threadId, 'two');
    expect(await texts(page, threadId)).toEqual(['one', 'two']);
    expect(await page.evaluate(() => window.threads())).toEqual([`${bob} 0`]);
    await context.unroute(`http://${world.platform.gateway}/**`);
    await ready(page);
    expect(await page.evaluate(() => window.resumed)).toEqual([true]);
    await send(page, threadId, 'three');
    expect(await page.evaluate(() => window.told)).toEqual(['three']);
  });

  test('without IndexedDB, or when it refuses, all goes on in memory, and the view says why', async () => {
    const absent = await world.live(context, alice, {
      before: () => Object.defineProperty(globalThis, 'indexedDB', { value: undefined }),
    });
    expect(await absent.evaluate(() => window.parley.storage.get())).toMatchObject({ kind: 'memory', why: 'absent' });
    const threadId = await lookAt(absent, bob);
    await send(absent, threadId, 'kept nowhere');
    // A reload is the same device: what is held for devices is held for no more of them.
    const { deviceId } = await absent.evaluate(() => ({ deviceId: window.parley.deviceId }));
    await absent.reload();
    await ready(absent);
    expect(await absent.evaluate(() => window.parley.deviceId)).toBe(deviceId);
    const denied = await world.live(context, bob, {
      before: () => {
        IDBFactory.prototype.open = () => {
          throw new DOMException('not in a private window', 'SecurityError');
        };
      },
    });
    expect(await denied.evaluate(() => window.parley.storage.get())).toMatchObject({ kind: 'memory', why: 'denied' });
    await look(denied, threadId);
    await shows(denied, threadId, 'kept nowhere');
  });

  test('where the user lets sites keep nothing, which refuses locks too, each tab has a session and all goes on in memory', async () => {
    await inBrowserThatKeepsNothing(async (denied) => {
      const [first, second] = [await world.live(denied, alice), await world.live(denied, alice)];
      expect(await Promise.all([first, second].map(role))).toEqual(['alone', 'alone']);
      expect(await first.evaluate(() => window.parley.storage.get())).toMatchObject({ kind: 'memory', why: 'denied' });
      const threadId = await lookAt(first, bob);
      await look(second, threadId);
      await send(first, threadId, 'kept nowhere');
      await shows(second, threadId, 'kept nowhere');
    });
  });

  test('when the quota is used up all goes on in memory, and the view says so', async () => {
    const page = await world.live(context, alice, {
      // What a browser answers; the quota of a profile under test cannot be made small from outside.
      before: () => {
        const full = function (this: IDBObjectStore): never {
          this.transaction.abort();
          throw new DOMException('the quota is used up', 'QuotaExceededError');
        };
        window.fill = () => Object.assign(IDBObjectStore.prototype, { put: full, add: full });
      },
    });
    const threadId = await lookAt(page, bob);
    await page.evaluate(() => window.fill());
    await send(page, threadId, 'not on disk');
    await page.waitForFunction(() => window.parley.storage.get().kind === 'memory');
    expect(await page.evaluate(() => window.parley.storage.get())).toMatchObject({ kind: 'memory', why: 'full' });
    await send(page, threadId, 'all the same');
    await shows(page, threadId, 'all the same');
  });

  test('a database that opens too late for a tab is not held open by it: signing out in another tab wipes it', async () => {
    const holder = await context.newPage();
    await holder.route('**/nothing', (route) => route.fulfill({ contentType: 'text/html', body: '' }));
    await holder.goto(`${world.site.origin}/nothing`);
    // A tab that is stuck holds up whoever wipes the database, and that holds up whoever opens it.
    await holder.evaluate(async (name) => {
      const held = indexedDB.open(name);
      await new Promise((resolve) => (held.onsuccess = resolve));
      const wiping = indexedDB.deleteDatabase(name);
      await new Promise((resolve) => (wiping.onblocked = resolve));
      const wiped = new Promise((resolve) => (wiping.onsuccess = resolve));
      Object.assign(window, { letGo: () => (held.result.close(), wiped) });
    }, `parley http://${world.platform.gateway} ${alice}`);
    const late = await world.live(context, alice);
    expect(await late.evaluate(() => window.parley.storage.get())).toMatchObject({ kind: 'memory', why: 'denied' });
    await holder.evaluate(() => (window as unknown as { letGo: () => Promise<void> }).letGo());
    const other = await world.live(context, alice);
    expect(await other.evaluate(() => window.parley.storage.get())).toEqual({ kind: 'disk' });
    await other.evaluate(() => window.parley.signOut());
    expect(await databases(other)).toEqual([]);
  });

  test('signing out wipes all that is kept of the user, in all tabs', async () => {
    const page = await world.live(context, alice);
    const threadId = await lookAt(page, bob);
    await send(page, threadId, 'secret');
    const other = await world.live(context, alice);
    const [kept] = await databases(page);
    expect(kept).toContain(alice);
    const { deviceId } = await page.evaluate(() => ({ deviceId: window.parley.deviceId }));
    await page.evaluate(() => window.parley.signOut());
    expect(await databases(page)).toEqual([]);
    await other.waitForFunction(() => window.parley.client.connection.phase === 'closed');
    const later = await world.live(context, alice);
    expect(await later.evaluate(() => window.parley.deviceId)).not.toBe(deviceId);
    await look(later, threadId);
    await shows(later, threadId, 'secret');
  });
});

test('a browser that is signed out from another device wipes all that it keeps of the user, in all tabs', async () => {
  const context = await world.browser.newContext();
  const page = await world.live(context, alice);
  const follower = await world.live(context, alice);
  const threadId = await lookAt(page, bob);
  await send(page, threadId, 'secret');
  const elsewhere = await world.live(await world.browser.newContext(), alice);
  const deviceId = await page.evaluate(() => window.parley.deviceId);
  await elsewhere.evaluate((id) => window.parley.client.account.removeDevice(id), deviceId);
  for (const tab of [page, follower]) {
    await tab.waitForFunction(() => window.parley.client.connection.phase === 'closed');
  }
  expect(await page.evaluate(() => window.parley.connection.get())).toMatchObject({ reason: 'signed-out' });
  await expect.poll(() => databases(page)).toEqual([]);
  expect(await elsewhere.evaluate(() => window.parley.client.connection.phase)).toBe('live');
  const later = await world.live(context, alice);
  expect(await later.evaluate(() => window.parley.deviceId)).not.toBe(deviceId);
});

describe('tabs', () => {
  test('of one user share one session: each shows what any of them does, and says it is one device', async () => {
    const leader = await world.live(context, alice);
    const follower = await world.live(context, alice);
    expect([await role(leader), await role(follower)]).toEqual(['leading', 'following']);
    expect(await follower.evaluate(() => window.parley.deviceId)).toBe(
      await leader.evaluate(() => window.parley.deviceId),
    );
    const threadId = await lookAt(leader, bob);
    await look(follower, threadId);
    const peer = await world.live(await world.browser.newContext(), bob);
    await look(peer, threadId);
    await send(follower, threadId, 'of the follower');
    await send(leader, threadId, 'of the leader');
    await send(peer, threadId, 'of the peer');
    const all = ['of the follower', 'of the leader', 'of the peer'];
    for (const page of [leader, follower, peer]) {
      await shows(page, threadId, 'of the peer');
      expect(await texts(page, threadId)).toEqual(all);
      expect(await page.evaluate(() => window.told)).toEqual(all);
    }
    // One tab reads; the other knows.
    await follower.waitForFunction(() => window.threads().some((row) => row.endsWith(' 1')));
    await follower.evaluate((id) => window.parley.client.markRead(id), threadId);
    await leader.waitForFunction(() => window.threads().some((row) => row.endsWith(' 0')));
    // Ticks of what one tab sent show in both.
    await peer.evaluate((id) => window.parley.client.markRead(id), threadId);
    for (const page of [leader, follower]) {
      await page.waitForFunction((id) => window.parley.client.ticks(id, 2n).state === 'read', threadId);
    }
    await peer.context().close();
  });

  test('lose and double nothing when the leading one is closed while others send', async () => {
    const leader = await world.live(context, alice);
    const threadId = await lookAt(leader, bob);
    const follower = await world.live(context, alice);
    const third = await world.live(context, alice);
    const peer = await world.live(await world.browser.newContext(), bob);
    await look(peer, threadId);
    for (const [page, name] of [
      [follower, 'f'],
      [third, 't'],
    ] as const) {
      await page.evaluate(
        (what) => {
          window.sending = Promise.all(
            Array.from({ length: 40 }, (_, n) => window.parley.client.send(what.threadId, `${what.name}${n}`)),
          );
        },
        { threadId, name },
      );
    }
    // What it has begun to send goes on in the others.
    await leader.evaluate(async (id) => {
      for (let n = 0; n < 20; n += 1) void window.parley.client.send(id, `l${n}`);
      // What is not written down when a tab is closed is lost: this begins when all of them are.
      const kept = (await indexedDB.databases()).find(({ name }) => name?.endsWith(` ${window.parley.userId}`));
      await new Promise<void>((resolve) => {
        const opening = indexedDB.open(kept?.name ?? '');
        opening.addEventListener('success', () => {
          const after = opening.result.transaction('drafts');
          after.objectStore('drafts').count();
          after.addEventListener('complete', () => {
            opening.result.close();
            resolve();
          });
        });
      });
    }, threadId);
    await until(async () => (await texts(peer, threadId)).length > 10);
    await leader.close();
    for (const page of [follower, third]) await page.evaluate(() => window.sending);
    expect((await Promise.all([follower, third].map(role))).toSorted()).toEqual(['following', 'leading']);
    await until(async () => (await peer.evaluate(() => window.told)).length >= 100);
    const told = await peer.evaluate(() => window.told);
    for (const [name, count] of [
      ['f', 40],
      ['t', 40],
      ['l', 20],
    ] as const) {
      expect(told.filter((text) => text.startsWith(name))).toEqual(
        Array.from({ length: count }, (_, n) => `${name}${n}`),
      );
    }
    await peer.context().close();
  });

  test('do not wait for a leading one that is held up, as by a dialog: another leads, and gives way to none when it goes on', async () => {
    const leader = await world.live(context, alice);
    const threadId = await lookAt(leader, bob);
    await send(leader, threadId, 'one');
    const follower = await world.live(context, alice);
    await look(follower, threadId);
    const dialog = new Promise<Dialog>((resolve) => leader.once('dialog', resolve));
    const held = leader.evaluate(() => alert('held up'));
    const shown = await dialog;
    await send(follower, threadId, 'two');
    expect(await role(follower)).toBe('leading');
    await shown.accept();
    await held;
    await leader.waitForFunction(() => window.parley.role.get() === 'following');
    await ready(leader);
    await send(leader, threadId, 'three');
    for (const page of [leader, follower]) await shows(page, threadId, 'three');
    expect(await texts(leader, threadId)).toEqual(['one', 'two', 'three']);
    expect(await role(follower)).toBe('leading');
  });

  test('of two users in one browser know nothing of each other', async () => {
    const [a, b] = [await world.live(context, alice), await world.live(context, bob)];
    const threadId = await lookAt(a, `someone-${users}`);
    await send(a, threadId, 'only mine');
    await a.evaluate(() => window.parley.parts.keeper.flush());
    await look(b, threadId);
    expect(await b.evaluate(() => window.threads())).toEqual([]);
    expect(await texts(b, threadId)).toEqual([]);
    expect([await role(a), await role(b)]).toEqual(['leading', 'leading']);
    expect((await databases(a)).length).toBe(2);
    // A page that was opened for one and is given the token of the other shows nothing new, and ends.
    const mixed = await world.open(await world.browser.newContext(), alice, { tokenOf: bob });
    await mixed.waitForFunction(() => window.parley.client.connection.phase === 'closed');
    expect(await mixed.evaluate(() => window.parley.client.connection)).toMatchObject({ reason: 'refused' });
    await mixed.context().close();
  });

  test('without Web Locks have a session each', async () => {
    const pages = [
      await world.live(context, alice, { alone: true }),
      await world.live(context, alice, { alone: true }),
    ];
    expect(await Promise.all(pages.map(role))).toEqual(['alone', 'alone']);
    const ids = await Promise.all(pages.map((page) => page.evaluate(() => window.parley.deviceId)));
    expect(new Set(ids).size).toBe(2);
  });
});

describe('parts that are loaded when they are needed', () => {
  const parts = /\/(?:calls-more|sharing|tables-more)-[^/]*$/;

  test('are not loaded before, and a call for which they are not there at first is made nonetheless', async () => {
    const asked: string[] = [];
    await context.route(parts, async (route) => {
      // A hash of eight characters, of which `-` may be one.
      const part = new URL(route.request().url()).pathname.replace(/-[\w-]{8}\.js$/, '');
      const isFirst = !asked.includes(part);
      asked.push(part);
      await (isFirst ? route.abort() : route.continue());
    });
    const page = await world.live(context, alice);
    await send(page, await lookAt(page, bob), 'hello');
    expect(asked).toEqual([]);
    await page.evaluate(() => window.parley.client.people.list());
    await page.evaluate(() => window.parley.client.account.settings());
    const [calls, tables] = ['/assets/calls-more', '/assets/tables-more'];
    expect(asked).toEqual([calls, calls, tables, tables]);
  });

  test('and are not there leave a following tab waiting, which says why and follows once they are', async () => {
    const first = await world.live(context, alice);
    await context.route(parts, (route) => route.abort());
    const second = await world.open(context, alice);
    const state = await second.waitForFunction(() => {
      const { connection } = window.parley.client;
      return connection.phase === 'waiting' && { code: connection.error?.code, reason: connection.error?.reason };
    });
    expect(await state.jsonValue()).toEqual({ code: 14, reason: 'NO_REASON' });
    await context.unroute(parts);
    await ready(second);
    expect([await role(first), await role(second)]).toEqual(['leading', 'following']);
    const threadId = await lookAt(second, bob);
    await look(first, threadId);
    await send(second, threadId, 'hello');
    await shows(first, threadId, 'hello');
  });

  test('and are not there for the leading tab cost it the lead', async () => {
    const first = await world.live(context, alice);
    await first.route(parts, (route) => route.abort());
    const second = await world.live(context, alice);
    expect(await role(second)).toBe('leading');
    await first.unroute(parts);
    await ready(first);
    expect(await role(first)).toBe('following');
  });
});
