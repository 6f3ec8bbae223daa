import { expect, test } from 'vitest';
import { readStartSettings, UsageError } from './start-settings.ts';

test('without options everything is local, in ./data, with the dev key', () => {
  expect(readStartSettings([], { HOME: '/root' })).toEqual({
    port: 8080,
    address: '127.0.0.1',
    dataDir: 'data',
    auth: undefined,
    tls: undefined,
    webOrigins: undefined,
    demo: true,
    nodeEnv: {},
  });
});

test('an option wins over the environment', () => {
  const env = { PARLEY_PORT: '9000', PARLEY_DATA: '/a', PARLEY_ADDRESS: '127.0.0.2' };
  expect(readStartSettings(['--port', '9001'], env)).toMatchObject({ port: 9001, dataDir: '/a', address: '127.0.0.2' });
});

test('settings of the node go to the node, those of launcher, set-up and clients do not', () => {
  const own = { PARLEY_PORT: '9000', PARLEY_CACHE: '/c', PARLEY_SKIP: 'java', PARLEY_TARGET: '127.0.0.1:9000' };
  const env = { PARLEY_MEMBER_CAP: '50', ...own, PATH: '/bin' };
  expect(readStartSettings([], env).nodeEnv).toEqual({ PARLEY_MEMBER_CAP: '50' });
});

test('an issuer of one’s own needs to be named whole', () => {
  const env = { PARLEY_JWKS: 'keys.json', PARLEY_JWT_ISSUER: 'https://id.example', PARLEY_JWT_AUDIENCE: 'chat' };
  expect(readStartSettings([], { ...env, PARLEY_JWT_ALGORITHMS: 'ES256' }).auth).toEqual({
    jwks: 'keys.json',
    issuer: 'https://id.example',
    audience: 'chat',
    algorithms: ['ES256'],
  });
  expect(() => readStartSettings([], { ...env, PARLEY_JWT_AUDIENCE: '' })).toThrow('PARLEY_JWT_AUDIENCE');
});

test.each(['0.0.0.0', '192.168.1.5', '::'])('with the dev key, listening on %s needs an express wish', (address) => {
  expect(() => readStartSettings(['--address', address], {})).toThrow('PARLEY_DEV_KEY_EXPOSE=1');
  expect(readStartSettings(['--address', address], { PARLEY_DEV_KEY_EXPOSE: '1' }).address).toBe(address);
  const env = { PARLEY_JWKS: 'k', PARLEY_JWT_ISSUER: 'i', PARLEY_JWT_AUDIENCE: 'a' };
  expect(readStartSettings(['--address', address], env).address).toBe(address);
});

const mistakes: readonly [string[], NodeJS.ProcessEnv, string][] = [
  [['--port', '0'], {}, 'from 1 to 65535'],
  [['--port', 'http'], {}, '"http"'],
  [[], { PARLEY_PORT: '70000' }, '"70000"'],
  [['--prot', '1'], {}, 'npm start [-- OPTIONS]'],
  [['data'], {}, 'npm start [-- OPTIONS]'],
  [[], { PARLEY_TLS_CERT: 'a.crt' }, 'PARLEY_TLS_KEY'],
  [[], { PARLEY_LISTEN: '127.0.0.1:1' }, 'PARLEY_LISTEN is decided'],
  [['--address', 'here'], {}, 'must be an IP address of this machine, not "here"'],
  [[], { PARLEY_DEMO: 'no' }, 'PARLEY_DEMO must be 0 or 1'],
  [[], { PARLEY_WEB_ORIGINS: 'http://localhost:*, app.example' }, 'PARLEY_WEB_ORIGINS: "app.example" is no origin'],
];
test.each(mistakes)('%j with %j is a mistake, and the message says what is right', (args, env, message) => {
  expect(() => readStartSettings(args, env)).toThrow(UsageError);
  expect(() => readStartSettings(args, env)).toThrow(message);
});
