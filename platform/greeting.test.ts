import { expect, test } from 'vitest';
import { startGreeting } from './greeting.ts';
import { readStartSettings } from './start-settings.ts';

const listening = { services: '127.0.0.1:1', metrics: '127.0.0.1:2' };

test('where all is by default the commands are short', () => {
  const said = startGreeting(
    { ...listening, gateway: '127.0.0.1:8080', dataDir: '/p/data' },
    readStartSettings([], {}),
    '/p',
  );
  expect(said).toContain('  npm run chat -- --as alice\n');
  expect(said).toContain('  npm run token -- alice\n');
});

test('with another folder and port each command names them: tokens are signed by the key in that folder', () => {
  const settings = readStartSettings(['--data', '/d', '--port', '8090'], {});
  const said = startGreeting({ ...listening, gateway: '127.0.0.1:8090', dataDir: '/d' }, settings, '/p');
  expect(said).toContain('  npm run chat -- --as alice --data /d --target 127.0.0.1:8090\n');
  expect(said).toContain('terminal: npm run chat -- --as bob --data /d --target 127.0.0.1:8090\n');
  expect(said).toContain('  npm run token -- alice --data /d\n');
  expect(said).toContain('--scopes threads,messages --data /d\n');
});

test('with an issuer and TLS the dev key is in no command', () => {
  const env = { PARLEY_JWKS: 'k', PARLEY_JWT_ISSUER: 'https://id.example', PARLEY_JWT_AUDIENCE: 'chat' };
  const settings = readStartSettings([], { ...env, PARLEY_TLS_CERT: 'c', PARLEY_TLS_KEY: 'k' });
  const said = startGreeting({ ...listening, gateway: '127.0.0.1:8080', dataDir: '/p/data' }, settings, '/p');
  expect(said).toContain('a token      from https://id.example\n');
  expect(said).toContain('  npm run chat -- --token TOKEN --tls --ca FILE\n');
  expect(said).not.toContain('npm run token');
  expect(said).not.toContain('--as alice');
});
