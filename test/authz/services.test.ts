// Who may ask what on the port of other services: every RPC of its descriptor set, scope by scope, and nobody but services. An RPC without a row
// here has not been thought about.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { devServiceAudience } from '../../server/auth/dev-key.ts';
import { People } from '../support/raw-people.ts';
import { allScopes, Services } from '../support/services.ts';
import { unlimited } from '../support/unlimited.ts';
import { methods, serviceMethods } from '../wire/descriptors.ts';
import { wrongTokens } from '../wire/tokens.ts';

const scopeOf: Readonly<Record<string, (typeof allScopes)[number]>> = {
  'ChannelAdminService/CreateChannel': 'channels',
  'ChannelAdminService/UpdateChannel': 'channels',
  'ChannelAdminService/CloseChannel': 'channels',
  'ChannelAdminService/ReopenChannel': 'channels',
  'ChannelAdminService/SetModerator': 'channels',
  'ChannelAdminService/PublishComment': 'comments',
  'ThreadAdminService/OpenDirectThread': 'threads',
  'ThreadAdminService/CreateGroup': 'threads',
  'ThreadAdminService/AddMembers': 'threads',
  'ThreadAdminService/RemoveMember': 'threads',
  'ThreadAdminService/SendMessage': 'messages',
  'TokenService/MintUserToken': 'tokens',
};
const rows = Object.entries(scopeOf).map(([call, scope]) => ({ call, scope, path: `/parley.service.v1.${call}` }));
const nothing = Buffer.alloc(0);

let platform: Platform;
let people: People;
let services: Services;

beforeAll(async () => {
  platform = await startPlatform({ services: true, env: unlimited });
  people = new People(platform);
  services = new Services(platform);
});
afterAll(async () => {
  services[Symbol.dispose]();
  people[Symbol.dispose]();
  await platform.stop();
});

test('every RPC for services has one row', () => {
  expect(rows.map(({ path }) => path.slice(1)).toSorted()).toEqual(serviceMethods.map(({ path }) => path).toSorted());
});

describe.each(rows)('$call', ({ path, scope }) => {
  test(`takes the scope ${scope} and is refused with all the others`, async () => {
    const with_ = await services.named('with', [scope]);
    const without = await services.named(
      'without',
      allScopes.filter((other) => other !== scope),
    );
    expect(['INVALID_FIELD', 'NOT_SERVED']).toContain((await with_.bytes(path, nothing)).status.reason);
    const { status } = await without.bytes(path, nothing);
    expect([status.code, status.reason, status.domain]).toEqual(['PERMISSION_DENIED', 'SCOPE_REQUIRED', 'parley.chat']);
  });

  test('is refused to a user, to who has no token, and to a service without scopes', async () => {
    const user = services.stranger(await platform.token('alice'));
    expect((await user.bytes(path, nothing)).status).toMatchObject({
      code: 'UNAUTHENTICATED',
      reason: 'TOKEN_INVALID',
    });
    expect((await services.stranger().bytes(path, nothing)).status.reason).toBe('TOKEN_MISSING');
    expect((await (await services.named('idle', [])).bytes(path, nothing)).status.reason).toBe('SCOPE_REQUIRED');
  });

  test('is not there for clients', async () => {
    const { client } = await people.person('alice');
    expect((await client.bytes(path, nothing)).status.code).toBe('UNIMPLEMENTED');
  });
});

test.each(methods.filter(({ streaming }) => !streaming))('a service is nobody to $path', async ({ path }) => {
  const token = await platform.serviceToken('crm', { scope: allScopes.join(' ') });
  using client = new People(platform, platform.nodes[0]?.address);
  for (const at of [people.stranger(token), client.stranger(token)]) {
    const { status } = await at.bytes(`/${path}`, nothing);
    expect([status.code, status.reason]).toEqual(['UNAUTHENTICATED', 'TOKEN_INVALID']);
  }
});

test('a service opens no stream', async () => {
  const token = await platform.serviceToken('crm', { scope: allScopes.join(' ') });
  const status = await people.stranger(token).open().ended;
  expect([status.code, status.reason]).toEqual(['UNAUTHENTICATED', 'TOKEN_INVALID']);
});

test('tokens that are wrong in any other way are refused as on the port of clients', async () => {
  const path = '/parley.service.v1.TokenService/MintUserToken';
  for (const { token, reason } of await wrongTokens(platform.dataDir, devServiceAudience)) {
    expect((await services.stranger(token).bytes(path, nothing)).status.reason).toBe(reason);
  }
});

test('a service whose name does not fit is refused', async () => {
  const path = '/parley.service.v1.TokenService/MintUserToken';
  await expect(platform.serviceToken('a b', { scope: 'tokens' })).rejects.toThrow('service');
  const expired = await platform.serviceToken('crm', { scope: 'tokens', ttlS: -300 });
  expect((await services.stranger(expired).bytes(path, nothing)).status.reason).toBe('TOKEN_EXPIRED');
});

test('without the setting there is no port', async () => {
  await using plain = await startPlatform({ direct: true });
  expect(plain.nodes[0]?.services).toBe('');
});
