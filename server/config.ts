import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * Every setting of a node: its name in the environment, its default, its unit, what follows from it. Nothing else is
 * read from the environment; a PARLEY_ name that is not here is refused, since it is a setting somebody believes in.
 * A setting may come from a file: NAME_FILE names it.
 */
const settings = {
  PARLEY_NODE_ID: text('', 'names the node in logs, session ids and metrics; empty = a random one'),
  PARLEY_LISTEN: text('127.0.0.1:0', 'host:port of the public gRPC; port 0 = any'),
  PARLEY_METRICS_LISTEN: text('127.0.0.1:0', 'host:port of metrics and readiness over HTTP; empty = none'),
  PARLEY_DATA: text('./data/store', 'folder of the embedded store; one node a folder'),
  PARLEY_LOG_FILE: text('', 'path of the JSON log; empty = standard output'),
  PARLEY_LOG_LEVEL: text('info', 'trace, debug, info, warn, error or silent'),
  PARLEY_JWKS: text('', 'file or http(s) URL of the keys that tokens are checked with; required'),
  PARLEY_JWT_ISSUER: text('', '`iss` that tokens must have; required'),
  PARLEY_JWT_AUDIENCE: text('', '`aud` that tokens must have; required'),
  PARLEY_JWT_ALGORITHMS: text('ES256,RS256,EdDSA', 'signature algorithms that are taken, comma separated'),
  PARLEY_DEV_KEY: flag(false, '1 = the keys are the dev key: anyone with the data folder makes tokens'),
  PARLEY_DEV_KEY_EXPOSE: flag(false, '1 = listen beyond loopback although the dev key is in use'),
  PARLEY_MEMBER_CAP: whole(1_000, 2, 100_000, 'members of a group at most'),
  PARLEY_EDIT_WINDOW_S: whole(0, 0, 31_536_000, 'seconds in which an author may edit; 0 = for ever'),
  PARLEY_DELETE_WINDOW_S: whole(0, 0, 31_536_000, 'seconds in which an author may delete; 0 = for ever'),
  PARLEY_LIMIT_SENDS_PER_S: whole(20, 1, 1_000_000, 'messages a second and user'),
  PARLEY_LIMIT_SENDS_BURST: whole(200, 1, 1_000_000, 'messages at once after a pause'),
  PARLEY_LIMIT_OPENS_PER_S: whole(2, 1, 1_000_000, 'threads opened a second and user'),
  PARLEY_LIMIT_OPENS_BURST: whole(100, 1, 1_000_000, 'threads opened at once after a pause'),
  PARLEY_LIMIT_TYPING_PER_S: whole(2, 1, 1_000_000, 'typing frames a second and user'),
  PARLEY_LIMIT_SESSIONS_PER_USER: whole(20, 1, 100_000, 'open sessions of one user'),
  PARLEY_LIMIT_CONNECTS_PER_S: whole(2_000, 1, 1_000_000, 'new streams a second on this node'),
  PARLEY_VIEWS: whole(
    50_000,
    100,
    10_000_000,
    'threads whose members are kept in memory, about 1 KiB each and 100 bytes a member',
  ),
  PARLEY_DRAIN_S: whole(10, 1, 3_600, 'seconds that devices have to move at SIGTERM; then their streams are ended'),
} as const;

type Settings = typeof settings;
type Values = { readonly [Name in keyof Settings]: ReturnType<Settings[Name]['parse']> };
export type Config = Values;

/** A mistake in the configuration: what is wrong and what it should be. Ends the process with code 78. */
export class ConfigError extends Error {}

/** @throws ConfigError */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const values: Record<string, unknown> = {};
  const known = new Set<string>();
  for (const [name, setting] of Object.entries(settings)) {
    known.add(name).add(`${name}_FILE`);
    const value = environment[name] ?? fromFile(name, environment[`${name}_FILE`]);
    values[name] = value === undefined ? setting.fallback : setting.parse(value, name);
  }
  const unknown = Object.keys(environment).filter((name) => name.startsWith('PARLEY_') && !known.has(name));
  if (unknown.length > 0)
    throw new ConfigError(`no such setting: ${unknown.join(', ')}; server/config.ts has them all`);
  const config = values as unknown as Config;
  for (const name of ['PARLEY_JWKS', 'PARLEY_JWT_ISSUER', 'PARLEY_JWT_AUDIENCE'] as const) {
    if (config[name] === '') throw new ConfigError(`${name} is required: ${settings[name].meaning}`);
  }
  const { host } = addressOf(config.PARLEY_LISTEN, 'PARLEY_LISTEN');
  if (config.PARLEY_METRICS_LISTEN !== '') addressOf(config.PARLEY_METRICS_LISTEN, 'PARLEY_METRICS_LISTEN');
  if (config.PARLEY_DEV_KEY && !config.PARLEY_DEV_KEY_EXPOSE && !isLoopback(host)) {
    throw new ConfigError(
      `with the dev key anyone who has the data folder makes tokens, so PARLEY_LISTEN must be on loopback, not ${host}; ` +
        'PARLEY_DEV_KEY_EXPOSE=1 allows it all the same',
    );
  }
  return config.PARLEY_NODE_ID === '' ? { ...config, PARLEY_NODE_ID: `n${randomBytes(4).toString('hex')}` } : config;
}

/** @throws ConfigError */
export function addressOf(value: string, name: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:]+)):(\d{1,5})$/.exec(value);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw new ConfigError(`${name} must be host:port, not "${value}"`);
  return { host: match[1] ?? match[2] ?? '', port };
}

/** The settings as a table in Markdown, for the README; a test holds the two together. */
export function settingsTable(): string {
  const rows = Object.entries(settings).map(([name, { fallback, meaning }]) => {
    const shown = fallback === '' ? '' : `\`${fallback === true ? 1 : fallback === false ? 0 : fallback}\``;
    return `| ${name} | ${shown} | ${meaning} |`;
  });
  return ['| setting | default | what follows |', '| --- | --- | --- |', ...rows].join('\n');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function fromFile(name: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new ConfigError(`${name}_FILE: ${(error as Error).message}`);
  }
}

function text(
  fallback: string,
  meaning: string,
): { fallback: string; meaning: string; parse: (value: string) => string } {
  return { fallback, meaning, parse: (value) => value };
}

function flag(fallback: boolean, meaning: string) {
  const parse = (value: string, name = ''): boolean => {
    if (value !== '0' && value !== '1') throw new ConfigError(`${name} must be 0 or 1, not "${value}"`);
    return value === '1';
  };
  return { fallback, meaning, parse };
}

function whole(fallback: number, min: number, max: number, meaning: string) {
  const parse = (value: string, name = ''): number => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max) {
      throw new ConfigError(`${name} must be a whole number from ${min} to ${max}, not "${value}"`);
    }
    return number;
  };
  return { fallback, meaning, parse };
}
