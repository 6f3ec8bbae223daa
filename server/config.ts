import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseDuration, parseRetention, RetentionRules, RetentionSyntaxError } from './core/retention.ts';

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
  PARLEY_STORE: oneOf(['embedded', 'cassandra'], 'where things are kept: a folder of this machine, or a Cassandra'),
  PARLEY_CASSANDRA_CONTACT_POINTS: text(
    '',
    'host:port of some nodes, comma separated; the others are found through them',
  ),
  PARLEY_CASSANDRA_DATA_CENTER: text('', 'the data centre that this node works with; required with Cassandra'),
  PARLEY_CASSANDRA_KEYSPACE: text('parley', 'made if it does not exist'),
  PARLEY_CASSANDRA_REPLICATION: whole(
    0,
    0,
    9,
    'copies of everything, when the keyspace is made; 0 = 3, or as many as there are nodes',
  ),
  PARLEY_CASSANDRA_CONSISTENCY: oneOf(
    ['local-quorum', 'quorum'],
    'durable and linear in one data centre, or over all of them at the pace of the farthest needed',
  ),
  PARLEY_CASSANDRA_HOME_DATA_CENTER: text(
    '',
    'with local-quorum and a keyspace in several data centres: the one that every node appends through',
  ),
  PARLEY_CASSANDRA_USER: text('', 'empty = no user is named'),
  PARLEY_CASSANDRA_PASSWORD: text('', 'goes with the user'),
  PARLEY_CASSANDRA_TLS: flag(false, '1 = TLS'),
  PARLEY_CASSANDRA_TLS_CA: text('', 'PEM text of the authority; empty = those that Node trusts'),
  PARLEY_CASSANDRA_TLS_CERT: text('', "PEM text of this node's certificate, for a Cassandra that asks for one"),
  PARLEY_CASSANDRA_TLS_KEY: text('', 'PEM text of its key'),
  PARLEY_CASSANDRA_TLS_NAME: text('', "the name in Cassandra's certificates; empty = the host that is dialled"),
  PARLEY_REDIS: text(
    '',
    'host:port of Redis, or of some nodes of a Redis Cluster, comma separated; empty = no other node shares the traffic',
  ),
  PARLEY_REDIS_CLUSTER: flag(false, '1 = a Redis Cluster'),
  PARLEY_REDIS_USER: text('', 'empty = the user `default`'),
  PARLEY_REDIS_PASSWORD: text('', 'empty = none is asked for'),
  PARLEY_REDIS_TLS: flag(false, '1 = TLS'),
  PARLEY_REDIS_TLS_CA: text('', 'PEM text of the authority; empty = those that Node trusts'),
  PARLEY_REDIS_TLS_CERT: text('', "PEM text of this node's certificate, for a Redis that asks for one"),
  PARLEY_REDIS_TLS_KEY: text('', 'PEM text of its key'),
  PARLEY_REDIS_TLS_NAME: text('', "the name in Redis's certificates; empty = the host that is dialled"),
  PARLEY_REDIS_PREFIX: text('parley:', 'before every key and channel, so that deployments can share a Redis'),
  PARLEY_NODES_LISTEN: text('', 'host:port where other nodes reach this one, closed to clients; required with Redis'),
  PARLEY_NODES_ADVERTISE: text('', 'host:port that other nodes dial; empty = as listened on'),
  PARLEY_NODES_TLS_CA: text('', 'PEM text of the authority of all nodes, and of nobody else; required with Redis'),
  PARLEY_NODES_TLS_CERT: text('', "PEM text of this node's certificate, by that authority; required with Redis"),
  PARLEY_NODES_TLS_KEY: text('', 'PEM text of its key; required with Redis'),
  PARLEY_NODES_TLS_NAME: text('parley-node', 'the name that the certificates of all nodes are for'),
  PARLEY_NODES_ROUTE: flag(
    true,
    '1 = where several nodes append to a thread at once, one of them does it for all; 0 = each for itself, as correct and slower',
  ),
  PARLEY_WEB_LISTEN: text('', 'host:port of the web app over HTTP, for the gateway; empty = none is served'),
  PARLEY_WEB_FILES: text('./web', 'folder of the built web app'),
  PARLEY_WEB_TOKEN_URL: text(
    '',
    'where the web app fetches tokens, a path or an https URL; with the dev key empty = from who started the node',
  ),
  PARLEY_WEB_SIGN_IN_URL: text(
    '',
    'where the web app sends people who have no token; their way back follows as `return_to`',
  ),
  PARLEY_SERVICE_LISTEN: text(
    '',
    'host:port where other services of the deployment reach this node (parley.service.v1), closed to clients; empty = none is served',
  ),
  PARLEY_SERVICE_TLS_CERT: text(
    '',
    'PEM text of the certificate of that port; empty = plain text, for a closed network',
  ),
  PARLEY_SERVICE_TLS_KEY: text('', 'PEM text of its key'),
  PARLEY_SERVICE_AUDIENCE: text(
    'parley-service',
    "`aud` that services' tokens must have; another than users' tokens have",
  ),
  PARLEY_SERVICE_ISSUER: text('', '`iss` that they must have; empty = as of users'),
  PARLEY_SERVICE_JWKS: text('', 'file or http(s) URL of the keys that they are checked with; empty = as of users'),
  PARLEY_MINT_KEY: text(
    '',
    "JWK or PEM text of the private key that services have users' tokens signed with, its public half among PARLEY_JWKS; empty = they are made elsewhere (with the dev key: it signs)",
  ),
  PARLEY_NOTIFY: oneOf(
    ['auto', 'off'],
    'notifications of people who are not there: by what is set below (FCM before the webhook; with neither they are only logged), or none',
  ),
  PARLEY_FCM_CREDENTIALS: text('', 'JSON text of a service account of the Firebase project whose apps are notified'),
  PARLEY_NOTIFY_WEBHOOK_URL: text('', 'http(s) URL that each notification is handed to as JSON'),
  PARLEY_NOTIFY_WEBHOOK_SECRET: text('', 'signs what the webhook is handed; empty = unsigned'),
  PARLEY_NOTIFY_CONTENT: flag(
    true,
    '1 = notifications say what came and from whom, unless their user hides it; 0 = only that something came',
  ),
  PARLEY_NOTIFY_PER_S: whole(
    10_000,
    20,
    1_000_000,
    "notifications a second of all nodes together: the project's quota",
  ),
  PARLEY_NOTIFY_GROUP_MAX: whole(
    500,
    2,
    100_000,
    'of groups with more members only those who are mentioned are notified',
  ),
  PARLEY_LOG_FILE: text('', 'path of the JSON log; empty = standard output'),
  PARLEY_LOG_LEVEL: oneOf(
    ['info', 'trace', 'debug', 'warn', 'error', 'silent'],
    'from which level on lines are written',
  ),
  PARLEY_JWKS: text('', 'file or http(s) URL of the keys that tokens are checked with; required'),
  PARLEY_JWT_ISSUER: text('', '`iss` that tokens must have; required'),
  PARLEY_JWT_AUDIENCE: text('', '`aud` that tokens must have; required'),
  PARLEY_JWT_ALGORITHMS: text('ES256,RS256,EdDSA', 'signature algorithms that are taken, comma separated'),
  PARLEY_DEV_KEY: flag(false, '1 = the keys are the dev key: anyone with the data folder makes tokens'),
  PARLEY_DEV_KEY_EXPOSE: flag(false, '1 = listen beyond loopback although the dev key is in use'),
  PARLEY_MEMBER_CAP: whole(1_000, 2, 100_000, 'members of a group at most'),
  PARLEY_EDIT_WINDOW_S: whole(0, 0, 31_536_000, 'seconds in which an author may edit; 0 = for ever'),
  PARLEY_DELETE_WINDOW_S: whole(0, 0, 31_536_000, 'seconds in which an author may delete; 0 = for ever'),
  PARLEY_DEVICE_EXPIRY_DAYS: whole(
    30,
    1,
    3_650,
    'days after which a device that was not seen counts no more: nothing waits for it, and it is notified of nothing until it is seen again',
  ),
  PARLEY_RETENTION_DEFAULT: text(
    'keep',
    "how long messages' contents are kept in threads that say nothing: `keep`, `keep-for:30d`, `until-delivered` or `until-delivered:7d` (s, m, h, d)",
  ),
  PARLEY_RETENTION_MAX: text(
    '',
    'longest time that any contents are kept, such as `365d`; empty = for good. It and the default take hold of a thread with its next message, or when what is held there is due; of what came under a rule that kept it for good, not where later messages were erased already',
  ),
  PARLEY_LIMIT_SENDS_PER_S: whole(20, 1, 1_000_000, 'messages a second and user'),
  PARLEY_LIMIT_SENDS_BURST: whole(200, 1, 1_000_000, 'messages at once after a pause'),
  PARLEY_LIMIT_OPENS_PER_S: whole(2, 1, 1_000_000, 'threads opened a second and user'),
  PARLEY_LIMIT_OPENS_BURST: whole(100, 1, 1_000_000, 'threads opened at once after a pause'),
  PARLEY_LIMIT_TYPING_PER_S: whole(2, 1, 1_000_000, 'typing frames a second and user'),
  PARLEY_LIMIT_COMMENTS_PER_S: whole(
    2,
    1,
    1_000_000,
    'comments a second and user; five times as many at once after a pause',
  ),
  PARLEY_LIMIT_CHANNEL_COMMENTS_PER_S: whole(
    2_000,
    1,
    1_000_000,
    'comments a second on one channel that this node takes, of all users',
  ),
  PARLEY_CHANNELS: oneOf(
    ['first-use', 'service'],
    'who makes a channel: whoever opens it or comments first, or only another service',
  ),
  PARLEY_CHANNEL_HISTORY: whole(200, 0, 10_000, 'comments that a channel made by first use keeps; 0 = none'),
  PARLEY_CHANNEL_HISTORY_S: whole(86_400, 1, 2_592_000, 'and for so many seconds at most'),
  PARLEY_CHANNEL_LISTENERS: whole(100_000, 1, 10_000_000, 'listeners of one channel on this node at most'),
  PARLEY_FANOUT_TICK_MS: whole(
    100,
    0,
    1_000,
    'ms that news of a group or channel wait at most for others to share a frame with, and live comments longer where what is told arrives late; where little happens they wait for none',
  ),
  PARLEY_LIMIT_SERVICE_PER_S: whole(
    500,
    1,
    1_000_000,
    'calls a second that this node takes of one service; twice as many at once after a pause',
  ),
  PARLEY_STREAM_SINK: oneOf(
    ['direct', 'plain'],
    'how streams are written: straight to HTTP/2, or through grpc-js, slower, for when an error is looked for',
  ),
  PARLEY_LIMIT_SESSIONS_PER_USER: whole(20, 1, 100_000, 'open sessions of one user'),
  PARLEY_LIMIT_CONNECTS_PER_S: whole(2_000, 1, 1_000_000, 'new streams a second on this node'),
  PARLEY_VIEWS: whole(
    50_000,
    100,
    10_000_000,
    'threads whose members are kept in memory, about 1 KiB each and 100 bytes a member',
  ),
  PARLEY_DRAIN_NOTICE_S: whole(
    3,
    0,
    300,
    'seconds from not being ready to the first goodbye, in which gateways notice; none without Redis, where there is no other node',
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
  addressOf(config.PARLEY_LISTEN, 'PARLEY_LISTEN');
  if (config.PARLEY_METRICS_LISTEN !== '') addressOf(config.PARLEY_METRICS_LISTEN, 'PARLEY_METRICS_LISTEN');
  checkDevKey(config);
  checkWebPort(config);
  checkServicePort(config);
  checkCluster(config);
  retentionOf(config);
  return config.PARLEY_NODE_ID === '' ? { ...config, PARLEY_NODE_ID: `n${randomBytes(4).toString('hex')}` } : config;
}

/** @throws ConfigError */
function checkDevKey(config: Config): void {
  if (!config.PARLEY_DEV_KEY || config.PARLEY_DEV_KEY_EXPOSE) return;
  for (const name of ['PARLEY_LISTEN', 'PARLEY_WEB_LISTEN', 'PARLEY_SERVICE_LISTEN'] as const) {
    if (config[name] === '') continue;
    const { host } = addressOf(config[name], name);
    if (isLoopback(host)) continue;
    throw new ConfigError(
      `with the dev key anyone who has the data folder makes tokens, so ${name} must be on loopback, not ${host}; ` +
        'PARLEY_DEV_KEY_EXPOSE=1 allows it all the same',
    );
  }
}

/** @throws ConfigError */
function checkWebPort(config: Config): void {
  if (config.PARLEY_WEB_LISTEN === '') return;
  addressOf(config.PARLEY_WEB_LISTEN, 'PARLEY_WEB_LISTEN');
  if (config.PARLEY_WEB_TOKEN_URL === '' && !config.PARLEY_DEV_KEY) {
    throw new ConfigError(
      `PARLEY_WEB_TOKEN_URL is required with PARLEY_WEB_LISTEN: ${settings.PARLEY_WEB_TOKEN_URL.meaning}`,
    );
  }
  for (const name of ['PARLEY_WEB_TOKEN_URL', 'PARLEY_WEB_SIGN_IN_URL'] as const) {
    if (config[name] === '' || /^\/(?!\/)/.test(config[name]) || /^https?:\/\/[^/\s;,]+/.test(config[name])) continue;
    throw new ConfigError(`${name} must be a path or an http(s) URL, not "${config[name]}"`);
  }
}

/** @throws ConfigError */
function checkServicePort(config: Config): void {
  if (config.PARLEY_SERVICE_LISTEN === '') return;
  addressOf(config.PARLEY_SERVICE_LISTEN, 'PARLEY_SERVICE_LISTEN');
  if (config.PARLEY_SERVICE_AUDIENCE === '' || config.PARLEY_SERVICE_AUDIENCE === config.PARLEY_JWT_AUDIENCE) {
    throw new ConfigError(
      "PARLEY_SERVICE_AUDIENCE must be another than PARLEY_JWT_AUDIENCE: what tells services' tokens from users'",
    );
  }
  if ((config.PARLEY_SERVICE_TLS_CERT === '') !== (config.PARLEY_SERVICE_TLS_KEY === '')) {
    throw new ConfigError('PARLEY_SERVICE_TLS_CERT and PARLEY_SERVICE_TLS_KEY go together');
  }
}

/** @throws ConfigError */
export function retentionOf(config: Config): RetentionRules {
  const parsed = <Value>(name: 'PARLEY_RETENTION_DEFAULT' | 'PARLEY_RETENTION_MAX', parse: (text: string) => Value) => {
    try {
      return parse(config[name]);
    } catch (error) {
      throw error instanceof RetentionSyntaxError ? new ConfigError(`${name} ${error.message}`) : error;
    }
  };
  const fallback = parsed('PARLEY_RETENTION_DEFAULT', parseRetention);
  return new RetentionRules(
    fallback,
    parsed('PARLEY_RETENTION_MAX', (max) => (max === '' ? 0 : parseDuration(max))),
  );
}

/** What goes with what. @throws ConfigError */
function checkCluster(config: Config): void {
  const needs = (names: readonly (keyof Config)[], cause: string): void => {
    for (const name of names) {
      if (config[name] === '') throw new ConfigError(`${name} is required with ${cause}: ${settings[name].meaning}`);
    }
  };
  if (config.PARLEY_STORE === 'cassandra') {
    needs(['PARLEY_CASSANDRA_CONTACT_POINTS', 'PARLEY_CASSANDRA_DATA_CENTER'], 'PARLEY_STORE=cassandra');
    addressesOf(config.PARLEY_CASSANDRA_CONTACT_POINTS, 'PARLEY_CASSANDRA_CONTACT_POINTS');
  }
  if (config.PARLEY_REDIS === '') return;
  if (config.PARLEY_STORE !== 'cassandra') {
    throw new ConfigError(
      'PARLEY_REDIS is for nodes that share a store: set PARLEY_STORE=cassandra, or leave PARLEY_REDIS out',
    );
  }
  addressesOf(config.PARLEY_REDIS, 'PARLEY_REDIS');
  if (/[{}]/.test(config.PARLEY_REDIS_PREFIX)) throw new ConfigError('PARLEY_REDIS_PREFIX must be without braces');
  needs(
    ['PARLEY_NODES_LISTEN', 'PARLEY_NODES_TLS_CA', 'PARLEY_NODES_TLS_CERT', 'PARLEY_NODES_TLS_KEY'],
    'PARLEY_REDIS',
  );
  if (addressOf(config.PARLEY_NODES_LISTEN, 'PARLEY_NODES_LISTEN').port === 0) {
    throw new ConfigError('PARLEY_NODES_LISTEN must name a port: other nodes are told of it before it is open');
  }
  if (config.PARLEY_NODES_ADVERTISE !== '') addressOf(config.PARLEY_NODES_ADVERTISE, 'PARLEY_NODES_ADVERTISE');
}

/** @throws ConfigError */
export function addressesOf(value: string, name: string): { host: string; port: number }[] {
  return value.split(',').map((one) => addressOf(one.trim(), name));
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

function oneOf<const Choice extends string>(choices: readonly [Choice, ...Choice[]], meaning: string) {
  const parse = (value: string, name = ''): Choice => {
    const chosen = choices.find((choice) => choice === value);
    if (chosen === undefined) throw new ConfigError(`${name} must be ${choices.join(' or ')}, not "${value}"`);
    return chosen;
  };
  return {
    fallback: choices[0],
    meaning: `${choices.map((choice) => `\`${choice}\``).join(' or ')}: ${meaning}`,
    parse,
  };
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
