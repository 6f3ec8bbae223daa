// Which pages may call, and what reaches a page of another origin than the gateway's.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { Chromium } from '../conformance/browsers/chromium.ts';
import { PageDriver } from '../conformance/driver.ts';
import type { Remote } from '../conformance/remote.ts';
import { needs } from '../support/skip.ts';

needs('chromium')('a page of another origin', () => {
  let platform: Platform;
  let allowed: PageDriver;
  let stranger: PageDriver;
  beforeAll(async () => {
    platform = await startPlatform({ webOrigins: ['http://localhost:*'] });
    allowed = await PageDriver.start(() => Chromium.start());
    stranger = await PageDriver.start(() => Chromium.start(), '127.0.0.1');
  });
  afterAll(async () => {
    await allowed[Symbol.asyncDispose]();
    await stranger[Symbol.asyncDispose]();
    await platform.stop();
  });

  /** A device in a page of these, that shows this token. */
  function deviceIn(pages: PageDriver, token: string): Promise<Remote> {
    const place = { address: platform.gateway, certificate: undefined };
    return pages.device(place, { user: 'alice', deviceId: 'page' }, async () => token);
  }

  test('that is allowed is told the reason of a refusal, of a call and of a stream, by the node and by the gateway', async () => {
    const page = await deviceIn(allowed, await platform.token('alice'));
    expect(await page.refusal('no-thread')).toMatchObject({ reason: 'THREAD_NOT_FOUND', code: 5 });
    const ended = { reason: 'INVALID_FIELD', fields: ['hello.device_id'] };
    expect(await page.speak('a b')).toMatchObject({ goodbye: { reconnect: false }, ended });
    const unknown = await deviceIn(allowed, 'no token at all');
    expect(await unknown.refusal('no-thread')).toMatchObject({ reason: 'TOKEN_INVALID', code: 16 });
    expect(await unknown.speak('a b')).toMatchObject({ frames: [], ended: { reason: 'TOKEN_INVALID', code: 16 } });
  });

  test('that is not allowed gets nothing, and is told no more than that the connection failed', async () => {
    const page = await deviceIn(stranger, await platform.token('alice'));
    expect(await page.speak('a b')).toMatchObject({ frames: [], ended: { reason: 'NO_REASON', code: 14 } });
  });
});
