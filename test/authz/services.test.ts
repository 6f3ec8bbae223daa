// Who may ask what on the port of other services: every RPC of its descriptor set, scope by scope, and nobody but services. An RPC without a row
// here has not been thought about.
import { mkdtempDisposable, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { ChannelCredentials, Client, Metadata, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TokenServiceService } from '#proto/parley/service/v1/token_service.ts';
import { type Platform, startPlatform } from '../../platform/platform.ts';
import { devServiceAudience } from '../../server/auth/dev-key.ts';
import { writeCertificate } from '../gateway/support/certificate.ts';
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
  'NotificationAdminService/GetNotificationQueue': 'notifications',
  'NotificationAdminService/ListDeadLetters': 'notifications',
  'NotificationAdminService/RetryDeadLetter': 'notifications',
  'ThreadAdminService/OpenDirectThread': 'threads',
  'ThreadAdminService/CreateGroup': 'threads',
  'ThreadAdminService/AddMembers': 'threads',
  'ThreadAdminService/RemoveMember': 'threads',
  'ThreadAdminService/SendMessage': 'messages',
  'TokenService/MintUserToken': 'tokens',
  'UserAdminService/EraseUser': 'users',
};
const rows = Object.entries(scopeOf).map(([call, scope]) => ({ call, scope, rpc: `/parley.service.v1.${call}` }));
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
  expect(rows.map(({ rpc }) => rpc.slice(1)).toSorted()).toEqual(
    serviceMethods.map((method) => method.path).toSorted(),
  );
});

describe.each(rows)('$call', ({ rpc, scope }) => {
  test(`takes the scope ${scope} and is refused with all the others`, async () => {
    const with_ = await services.named('with', [scope]);
    const without = await services.named(
      'without',
      allScopes.filter((other) => other !== scope),
    );
    // Where nothing need be said, nothing is amiss.
    expect(['INVALID_FIELD', 'NOT_SERVED', undefined]).toContain((await with_.bytes(rpc, nothing)).status.reason);
    const { status: refusal } = await without.bytes(rpc, nothing);
    expect([refusal.code, refusal.reason, refusal.domain]).toEqual([
      'PERMISSION_DENIED',
      'SCOPE_REQUIRED',
      'parley.chat',
    ]);
  });

  test('is refused to a user, to who has no token, and to a service without scopes', async () => {
    const user = services.stranger(await platform.token('alice'));
    expect((await user.bytes(rpc, nothing)).status).toMatchObject({
      code: 'UNAUTHENTICATED',
      reason: 'TOKEN_INVALID',
    });
    expect((await services.stranger().bytes(rpc, nothing)).status.reason).toBe('TOKEN_MISSING');
    expect((await (await services.named('idle', [])).bytes(rpc, nothing)).status.reason).toBe('SCOPE_REQUIRED');
  });

  test('is not there for clients', async () => {
    const { client } = await people.person('alice');
    expect((await client.bytes(rpc, nothing)).status.code).toBe('UNIMPLEMENTED');
  });
});

test.each(methods.filter(({ streaming }) => !streaming))('a service is nobody to $path', async ({ path: call }) => {
  const token = await platform.serviceToken('crm', { scope: allScopes.join(' ') });
  using client = new People(platform, platform.nodes[0]?.address);
  for (const at of [people.stranger(token), client.stranger(token)]) {
    const { status: refusal } = await at.bytes(`/${call}`, nothing);
    expect([refusal.code, refusal.reason]).toEqual(['UNAUTHENTICATED', 'TOKEN_INVALID']);
  }
});

test('a service opens no stream', async () => {
  const token = await platform.serviceToken('crm', { scope: allScopes.join(' ') });
  const refusal = await people.stranger(token).open().ended;
  expect([refusal.code, refusal.reason]).toEqual(['UNAUTHENTICATED', 'TOKEN_INVALID']);
});

test('tokens that are wrong in any other way are refused as on the port of clients', async () => {
  const mint = '/parley.service.v1.TokenService/MintUserToken';
  for (const { token, reason } of await wrongTokens(platform.dataDir, devServiceAudience)) {
    expect((await services.stranger(token).bytes(mint, nothing)).status.reason).toBe(reason);
  }
});

test('a service whose name does not fit is refused', async () => {
  const mint = '/parley.service.v1.TokenService/MintUserToken';
  await expect(platform.serviceToken('a b', { scope: 'tokens' })).rejects.toThrow('service');
  const expired = await platform.serviceToken('crm', { scope: 'tokens', ttlS: -300 });
  expect((await services.stranger(expired).bytes(mint, nothing)).status.reason).toBe('TOKEN_EXPIRED');
});

test('with a certificate the port takes TLS and nothing else', async () => {
  await using folder = await mkdtempDisposable(path.join(os.tmpdir(), 'parley-services-'));
  const { cert, key } = writeCertificate(folder.path, 'services', 'localhost');
  const [certText, keyText] = await Promise.all([readFile(cert, 'utf8'), readFile(key, 'utf8')]);
  const env = { PARLEY_SERVICE_TLS_CERT: certText, PARLEY_SERVICE_TLS_KEY: keyText };
  await using secured = await startPlatform({ services: true, direct: true, env });
  const at = secured.nodes[0]?.services ?? '';
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${await secured.serviceToken('crm', { scope: 'tokens' })}`);
  const { path: method } = TokenServiceService.mintUserToken;
  const codeWith = async (credentials: ChannelCredentials): Promise<string | undefined> => {
    const client = new Client(at, credentials, {
      'grpc.ssl_target_name_override': 'localhost',
      'grpc.enable_retries': 0,
    });
    const pass = (bytes: Buffer): Buffer => bytes;
    const code = await new Promise<number>((resolve) => {
      const options = { deadline: Date.now() + 10_000 };
      client.makeUnaryRequest(method, pass, pass, nothing, metadata, options, (error) => resolve(error?.code ?? 0));
    });
    client.close();
    return status[code];
  };
  expect(await codeWith(ChannelCredentials.createSsl(Buffer.from(certText)))).toBe('INVALID_ARGUMENT');
  expect(await codeWith(ChannelCredentials.createInsecure())).toBe('UNAVAILABLE');
});

test('without the setting there is no port', async () => {
  await using plain = await startPlatform({ direct: true });
  expect(plain.nodes[0]?.services).toBe('');
});
