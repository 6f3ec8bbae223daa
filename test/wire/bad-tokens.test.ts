// Tokens, one wrong thing each, at the node and at the gateway, which answers first and says the same.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { ThreadServiceService } from '#proto/parley/v1/thread_service.ts';
import { RawClient } from '../support/raw-client.ts';
import { type WrongToken, wrongTokens } from './tokens.ts';

let platform: Platform;
let wrong: WrongToken[];

beforeAll(async () => {
  platform = await startPlatform();
  wrong = await wrongTokens(platform.dataDir);
});
afterAll(async () => {
  await platform.stop();
});

const listThreads = { pageSize: 0, pageToken: '', archived: false };

describe('at the node', () => {
  test('a unary call with a wrong token is UNAUTHENTICATED with its typed reason', async () => {
    const answers: unknown[] = [];
    for (const { what, token } of wrong) {
      using client = new RawClient(platform.nodes[0]?.address ?? '', token);
      const { status, response } = await client.call(ThreadServiceService.listThreads, listThreads);
      answers.push([what, status.code, status.reason, status.domain, response]);
    }
    expect(answers).toEqual(
      wrong.map(({ what, reason }) => [what, 'UNAUTHENTICATED', reason, 'parley.chat', undefined]),
    );
  });

  test('a stream with a wrong token ends UNAUTHENTICATED with its typed reason and tells nothing', async () => {
    const answers: unknown[] = [];
    for (const { what, token } of wrong) {
      using client = new RawClient(platform.nodes[0]?.address ?? '', token);
      const stream = client.open();
      stream.say('hello', { deviceId: 'd', apiRevision: 1 });
      const status = await stream.ended;
      answers.push([what, status.code, status.reason, stream.told]);
    }
    expect(answers).toEqual(wrong.map(({ what, reason }) => [what, 'UNAUTHENTICATED', reason, []]));
  });

  test('the token is not repeated in what is answered', async () => {
    for (const { token } of wrong) {
      if (token === undefined) continue;
      using client = new RawClient(platform.nodes[0]?.address ?? '', token);
      const { status } = await client.call(ThreadServiceService.listThreads, listThreads);
      expect(`${status.message}${status.bytes.toString('latin1')}`).not.toContain(token);
    }
  });
});

describe('through Envoy', () => {
  test('a call or stream with a wrong token is UNAUTHENTICATED with its typed reason', async () => {
    const answers: unknown[] = [];
    for (const { what, token } of wrong) {
      using client = new RawClient(platform.gateway, token);
      const { status } = await client.call(ThreadServiceService.listThreads, listThreads);
      const stream = client.open();
      stream.say('hello', { deviceId: 'd', apiRevision: 1 });
      const ended = await stream.ended;
      answers.push([what, status.code, status.reason, ended.code, ended.reason, stream.told]);
    }
    expect(answers).toEqual(
      wrong.map(({ what, reason }) => [what, 'UNAUTHENTICATED', reason, 'UNAUTHENTICATED', reason, []]),
    );
  });

  test('a right token is let through by both, whatever letters its user id has', async () => {
    for (const user of ['alice', '用户 é', 'emoji👍', '|nick[]^`{}\\']) {
      using client = new RawClient(platform.gateway, await platform.token(user));
      const stream = await client.open().live({ deviceId: 'd1' });
      expect((await stream.first('welcome')).userId).toBe(user);
    }
  });
});
