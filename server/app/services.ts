import { join } from 'node:path';
import { AuthError } from '../auth/auth-error.ts';
import { openKeySource, type KeySource } from '../auth/jwks.ts';
import { devKeyBeside, Minter } from '../auth/minter.ts';
import { Verifier } from '../auth/verifier.ts';
import type { Bus } from '../bus/bus.ts';
import type { Appender } from '../chat/appender.ts';
import { ChannelAdmin } from '../chat/channel-admin.ts';
import type { Chat } from '../chat/chat.ts';
import type { Limits } from '../chat/limits.ts';
import { NotificationAdmin } from '../chat/notifications/admin.ts';
import type { CommentLog } from '../comments/comment-log.ts';
import { ConfigError, type Config } from '../config.ts';
import type { Clock } from '../core/clock.ts';
import type { ChannelRow } from '../core/entry.ts';
import type { UserId } from '../core/ids.ts';
import { ServiceServer } from '../rpc/for-services/service-server.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Notifications } from './notifications.ts';

export interface ServicePortParts {
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Of users' tokens. */
  readonly keys: KeySource;
  readonly verifier: Verifier;
  readonly limits: Limits;
  readonly chat: Chat;
  readonly store: Store;
  readonly bus: Bus;
  readonly comments: CommentLog;
  readonly appender: Appender;
  /** Undefined: they are turned off. */
  readonly notifications: Notifications | undefined;
  /** That of `Chat`. */
  readonly pageTokenKey: Uint8Array;
  /** What holds for a channel of which nobody has said otherwise. */
  readonly usualChannel: ChannelRow;
}

/** The port that other services ask on. */
export interface ServicePort {
  /** host:port */
  readonly address: string;
  /** Health checks are told to ask another node. */
  leave(): void;
  stop(): Promise<void>;
}

/** @throws ConfigError for keys that cannot be used */
export async function startServicePort(parts: ServicePortParts): Promise<ServicePort> {
  const { config, clock, log, metrics, limits, chat } = parts;
  const { PARLEY_SERVICE_TLS_CERT: cert, PARLEY_SERVICE_TLS_KEY: key } = config;
  const server = new ServiceServer({
    clock,
    log,
    metrics,
    limits,
    chat,
    channelAdmin: new ChannelAdmin({ ...parts, channels: chat.channels, usual: parts.usualChannel }),
    notificationAdmin: new NotificationAdmin(parts.notifications, parts.pageTokenKey),
    verifier: await verifierOf(parts),
    minter: await minterOf(parts),
    tls: cert === '' ? undefined : { cert, key },
    observe: (method, code, ms, trace) => {
      metrics.call(method, code, ms);
      log.debug({ ...trace, method, code, ms: Math.round(ms * 10) / 10 }, 'call of a service');
    },
    report: (cause, ids) => {
      metrics.internalError();
      log.error({ ...ids, err: cause }, 'something failed in the server');
      return ids.request;
    },
  });
  const address = await server.listen(config.PARLEY_SERVICE_LISTEN);
  log.info({ address }, 'listening for other services');
  return { address, leave: () => server.leave(), stop: () => server.stop() };
}

async function verifierOf({ config, clock, keys }: ServicePortParts): Promise<Verifier> {
  const jwks = config.PARLEY_SERVICE_JWKS;
  const keepFile = join(config.PARLEY_DATA, 'service-jwks-last-good.json');
  return new Verifier({
    keys: jwks === '' ? keys : await openKeySource(jwks, { clock, keepFile }),
    issuer: config.PARLEY_SERVICE_ISSUER === '' ? config.PARLEY_JWT_ISSUER : config.PARLEY_SERVICE_ISSUER,
    audience: config.PARLEY_SERVICE_AUDIENCE,
    algorithms: config.PARLEY_JWT_ALGORITHMS.split(','),
    clock,
    // As many as there are services, and a few that are being replaced.
    cacheSize: 1_000,
  });
}

/** Undefined: there is no key. One whose tokens nobody would take is a mistake that shows now, not at the first sign-in. */
async function minterOf({ config, clock, log, verifier }: ServicePortParts): Promise<Minter | undefined> {
  const set = config.PARLEY_MINT_KEY;
  const key = set === '' && config.PARLEY_DEV_KEY ? await devKeyBeside(config.PARLEY_JWKS) : set;
  if (key === undefined || key === '') return undefined;
  const { PARLEY_JWT_ISSUER: issuer, PARLEY_JWT_AUDIENCE: audience } = config;
  const minter = usable(() => new Minter({ key, issuer, audience, clock }));
  const { token } = await minter.mint({ userId: 'nobody' as UserId, lifetimeS: 60 });
  try {
    await verifier.verify(token);
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    if (error.reason !== 'KEYS_UNAVAILABLE') {
      throw new ConfigError(`PARLEY_MINT_KEY: what it signs would not be taken: ${error.message}`, { cause: error });
    }
    log.warn({ err: error }, 'whether tokens signed with PARLEY_MINT_KEY are taken is not known yet');
  }
  return minter;
}

function usable(make: () => Minter): Minter {
  try {
    return make();
  } catch (error) {
    throw new ConfigError(`PARLEY_MINT_KEY: ${(error as Error).message}`, { cause: error });
  }
}
